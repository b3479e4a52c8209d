"""How a table's bytes become cells, and cells numbers and times: in bulk, and cell by cell where something is odd."""
