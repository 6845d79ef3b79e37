"""The running services of a configuration: consumers, their generations, and how one replaces another."""
