"""A hundred small models with a planted situation each: is the lens's verdict right, and does its advice help?"""
