"""`python -m thermodepth`, which is also how `accelerate launch -m thermodepth` starts it."""

from thermodepth.cli import main

if __name__ == "__main__":
    main()
