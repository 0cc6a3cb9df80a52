def card(numbers):
    return str(numbers)
