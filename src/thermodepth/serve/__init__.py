"""A local web page: drop a thermal frame, see its structure and metric depth. Needs the extra `serve`."""
