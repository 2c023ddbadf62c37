"""What emulated CRMs are built from: server, routes, records, faults, contract subject."""
