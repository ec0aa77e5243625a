// SPDX-License-Identifier: Apache-2.0
//
// Parses files of one statement each by Trino's own parser, whose grammar is Athena's. Prints a
// line for each file: its name, and the kind of statement or what is wrong with it.

import io.trino.sql.parser.ParsingException;
import io.trino.sql.parser.SqlParser;
import java.nio.file.Files;
import java.nio.file.Path;

public class TrinoParse {
  public static void main(String[] files) throws Exception {
    final SqlParser parser = new SqlParser();
    for (final String file : files) {
      String found;
      try {
        found = parser.createStatement(Files.readString(Path.of(file))).getClass().getSimpleName();
      } catch (ParsingException error) {
        found = "error: " + error.getMessage();
      }
      System.out.println(file + "\t" + found);
    }
  }
}
