"""The SOQL that the emulated org understands: parsed, checked and run on its records."""
