"""A request becomes typed parameters, a result or an error becomes an answer."""
