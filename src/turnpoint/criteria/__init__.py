"""Response criteria: pure functions over the study's tables, one file a criterion."""
