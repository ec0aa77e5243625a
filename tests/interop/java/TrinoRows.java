// SPDX-License-Identifier: Apache-2.0
//
// Runs statements by Trino's own engine within this process, with tables in memory, and prints a
// result's rows as lines of text, values separated by tabs. Statements come from standard input,
// separated by lines "-- ;"; each one's rows end with a line "-- ;" too.

import io.trino.Session;
import io.trino.metadata.Metadata;
import io.trino.plugin.memory.MemoryPlugin;
import io.trino.spi.connector.CatalogSchemaName;
import io.trino.spi.security.PrincipalType;
import io.trino.spi.security.TrinoPrincipal;
import io.trino.spi.type.TimeZoneKey;
import io.trino.testing.LocalQueryRunner;
import io.trino.testing.MaterializedRow;
import io.trino.testing.TestingSession;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.stream.Collectors;

public class TrinoRows {
  public static void main(String[] arguments) throws Exception {
    final Session session = TestingSession.testSessionBuilder()
                                .setCatalog("memory")
                                .setSchema("media")
                                .setTimeZoneKey(TimeZoneKey.UTC_KEY)
                                .build();
    final String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    try (LocalQueryRunner runner = LocalQueryRunner.create(session)) {
      runner.installPlugin(new MemoryPlugin());
      runner.createCatalog("memory", "memory", Map.of());
      final Metadata metadata = runner.getPlannerContext().getMetadata();
      runner.inTransaction(session, now -> {
        metadata.createSchema(now, new CatalogSchemaName("memory", "media"), Map.of(),
                              new TrinoPrincipal(PrincipalType.USER, "daypart"));
        return null;
      });
      for (final String statement : input.split("\n-- ;\n")) {
        for (final MaterializedRow row : runner.execute(statement).getMaterializedRows()) {
          System.out.println(row.getFields().stream().map(String::valueOf)
                                .collect(Collectors.joining("\t")));
        }
        System.out.println("-- ;");
      }
    }
    System.out.flush();
    Runtime.getRuntime().halt(0);  // threads of Trino's own would wait
  }
}
