"""What an expression can be known to give: types of JSON values, and the checks that they allow."""
