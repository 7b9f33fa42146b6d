"""What is said about a patient, as one frozen object that pages, commands and programs show."""
