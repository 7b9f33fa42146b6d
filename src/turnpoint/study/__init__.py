"""What a study is: five tables in one declared schema, read, checked and written."""
