"""JMESPath as a library of its own: knows neither routes nor streams."""
