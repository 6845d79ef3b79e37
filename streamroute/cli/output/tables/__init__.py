"""The parts of tables: columns, their widths, and the text of their cells."""
