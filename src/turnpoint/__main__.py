"""`python -m turnpoint` is `turnpoint`."""

from turnpoint.cli import main

if __name__ == "__main__":
    main()
