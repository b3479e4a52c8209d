"""What everything rests on: the layer protocol, arguments, registry, errors; it knows of no other room."""
