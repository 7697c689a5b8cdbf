"""Solenoids at the crossings of rows and columns, driven so that none burns and none moves unasked.

A coil gets full current while its plunger moves and a reduced one while it stays. Its heat is
reckoned, its time is limited, and no more coils are on than driver and supply bear. In a matrix,
coils in two rows and two columns would take the two other crossings with them: that is refused.
"""


class LimitError(Exception):
    """A coil may not be switched on now; the text says why."""


class Coils:
    """All coils of the board, by the name of the key under each."""

    def __init__(self, board, hardware):
        self._board = board
        self._hardware = hardware
        self._place = {}
        for row, keys in enumerate(board.KEYS):
            for column, key in enumerate(keys):
                if key:
                    self._place[key] = (row, column)
        self._down = {}
        self._pulling = {}
        self._percent = [0] * len(board.COLUMN_PINS)
        self._heat = {}
        self._looked = {}

    def __len__(self):
        return len(self._place)

    def __contains__(self, key):
        return key in self._place

    def down(self):
        """Return the keys that are down, in the order of their names."""
        return sorted(self._down)

    def check(self, key, now):
        """Tell whether a key could go down beside those that are down.

        Raises:
            LimitError: it could not.
        """
        if key in self._down:
            return
        if len(self._down) >= self._board.MOST_DOWN:
            raise LimitError(f"{len(self._down)} keys are down, the supply bears no more")
        row, column = self._place[key]
        for other in self._down:
            if self._place[other][0] != row and self._place[other][1] != column:
                raise LimitError(f"{key} shares neither row nor column with {other}")
        # Half cooled, so that a hot coil is not switched off again at once.
        if self._warmth(key, now) > self._most_heat() // 2:
            raise LimitError(f"the coil of {key} is hot")

    def press(self, key, now):
        """Switch a coil on; returns whether it was off.

        Raises:
            LimitError: it may not be.
        """
        if key in self._down:
            return False
        self.check(key, now)
        row, column = self._place[key]
        self._pulling[key] = now + self._board.PULL_IN_MS
        self._down[key] = now
        self._hardware.row(row, True)
        self._drive(column, now)
        return True

    def release(self, key, now):
        """Switch a coil off; returns whether it was on."""
        if key not in self._down:
            return False
        self._warmth(key, now)
        row, column = self._place[key]
        del self._down[key]
        self._pulling.pop(key, None)
        if not any(self._place[other][0] == row for other in self._down):
            self._hardware.row(row, False)
        self._drive(column, now)
        return True

    def tend(self, now):
        """Reduce the current of plungers that have moved; return the keys whose time is up."""
        over = []
        for key in self.down():
            if self._pulling.get(key, now + 1) <= now:
                del self._pulling[key]
                self._drive(self._place[key][1], now)
            too_long = now - self._down[key] >= self._board.LONGEST_DOWN_MS
            if too_long or self._warmth(key, now) >= self._most_heat():
                over.append(key)
        return over

    def _drive(self, column, now):
        here = [key for key in self._down if self._place[key][1] == column]
        for key in here:
            self._warmth(key, now)
        percent = 0
        if here:
            pulling = any(key in self._pulling for key in here)
            percent = 100 if pulling else self._board.HOLD_PERCENT
        if percent != self._percent[column]:
            self._percent[column] = percent
            self._hardware.column(column, percent)

    def _most_heat(self):
        return self._board.LONGEST_FULL_MS * (100 - self._board.RATED_PERCENT)

    def _warmth(self, key, now):
        """Bring a coil's heat up to date and return it, in percent of full heat times ms."""
        power = 0
        if key in self._down:
            power = self._percent[self._place[key][1]] ** 2 // 100
        passed = now - self._looked.get(key, now)
        heat = self._heat.get(key, 0) + (power - self._board.RATED_PERCENT) * passed
        self._heat[key] = heat = max(0, heat)
        self._looked[key] = now
        return heat
