# SPDX-License-Identifier: Apache-2.0
"""Each rule of tidy.py finds what breaks it and leaves in peace what does not."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tidy  # noqa: E402

HEAD = "// SPDX-License-Identifier: Apache-2.0\n//\n// What the file is for.\n"


class TidyTest(unittest.TestCase):
    def findings(self, name, text, others=()):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for other in (*others, name):
                (root / other).parent.mkdir(parents=True, exist_ok=True)
                (root / other).write_text(text if other == name else "")
            return [what for _, what in tidy.check_file(root, pathlib.Path(name))]

    def assert_found(self, words, name, text):
        found = self.findings(name, text)
        self.assertTrue(any(words in what for what in found), found)

    def test_a_clean_file_has_no_findings(self):
        self.assertEqual([], self.findings("src/lake/a.cc", HEAD + '#include "base/result.h"\n'))
        self.assertEqual([], self.findings("src/lake/a.h", HEAD + "#pragma once\n"))

    def test_a_file_needs_licence_purpose_and_guard(self):
        self.assert_found("SPDX", "src/lake/a.cc", "// What it is for.\nint a;\n")
        self.assert_found("purpose", "src/lake/a.cc", "// SPDX-License-Identifier: Apache-2.0\n")
        self.assert_found("pragma once", "src/lake/a.h", HEAD)
        self.assert_found("purpose", "tools/a.py", "# SPDX-License-Identifier: Apache-2.0\nx = 1\n")

    def test_includes_go_downward(self):
        self.assert_found("above", "src/store/a.cc", HEAD + '#include "lake/table.h"\n')
        self.assertEqual([], self.findings("src/store/a.cc", HEAD + '#include "store/b.h"\n'))

    def test_pure_folders_do_no_input_or_output(self):
        self.assert_found("pure", "src/iceberg/a.cc", HEAD + "#include <fstream>\n")
        self.assertEqual([], self.findings("src/iceberg/a_test.cc", HEAD + "#include <fstream>\n"))

    def test_duckdb_belongs_to_query(self):
        self.assert_found("alone", "src/lake/a.cc", HEAD + "#include <duckdb.h>\n")
        self.assertEqual([], self.findings("src/query/a.cc", HEAD + "#include <duckdb.h>\n"))

    def test_sizes_are_limited(self):
        self.assert_found("columns", "src/lake/a.cc", HEAD + "int " + "a" * 100 + ";\n")
        self.assert_found("bytes", "src/lake/a.cc", HEAD + "int a;\n" * 4000)
        long = "void F() {\n" + "  G();\n" * 69 + "}\n"
        self.assert_found("function of 71 lines", "src/lake/a.cc", HEAD + long)
        self.assertEqual([], self.findings("src/lake/a.cc", HEAD + long.replace("  G();\n", "", 1)))

    def test_a_method_is_a_function_too(self):
        method = "class A {\n  void F() {\n" + "    G();\n" * 70 + "  }\n};\n"
        self.assert_found("function of 72 lines", "src/lake/a.cc", HEAD + method)

    def test_names_say_something(self):
        self.assert_found("TableManager", "src/lake/a.cc", HEAD + "class TableManager {};\n")
        self.assert_found("file name", "src/lake/string_utils.cc", HEAD)
        self.assertEqual([], self.findings("src/lake/a.cc", HEAD + "class Implied {};\n"))

    def test_sources_neither_print_nor_sleep(self):
        self.assert_found("std::cout", "src/lake/a.cc", HEAD + "void F() { std::cout << 1; }\n")
        self.assert_found("sleep_for", "src/lake/a.cc", HEAD + "std::this_thread::sleep_for(x);\n")
        self.assertEqual([], self.findings("src/base/clock.cc", HEAD + "sleep_for(x);\n"))
        self.assertEqual([], self.findings("src/lake/a.cc", HEAD + 'F("std::cout");  // sleep_for\n'))

    def test_links_lead_somewhere(self):
        self.assert_found("not there", "docs/a.md", "See [b](b.md).\n")
        self.assertEqual([], self.findings("docs/a.md", "[b](b.md) [c](https://c.org)\n",
                                           others=["docs/b.md"]))

    def test_nothing_of_one_machine_is_told(self):
        self.assert_found("one machine", "docs/a.md", "See /home/" + "me/notes.\n")
        self.assertEqual([], self.findings("docs/a.md", "s3://bucket/home/raw/\n"))


if __name__ == "__main__":
    unittest.main()
