"""What provision and destroy create and delete in an account: a module for each kind of resource,
whose functions :mod:`cfpy.account.owned.kind` describes. ``registry`` lists them.
"""
