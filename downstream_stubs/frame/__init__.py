"""Room `downstream_stubs.frame`: what every service is made of, apart from its data and its routes."""
