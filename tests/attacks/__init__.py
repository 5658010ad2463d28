"""Files that are made to do harm: each generator says what a careless reader would make of it."""
