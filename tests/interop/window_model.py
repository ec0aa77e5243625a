# SPDX-License-Identifier: Apache-2.0
"""A plain model of continuous aggregates: the rows of a source snapshot by snapshot in, windows and late rows out.

It keeps the rows of every window, knows nothing of files or SQL, and follows docs/windows.md alone.
"""

import collections

Row = collections.namedtuple("Row", "event_id viewer_id region watch_seconds event_time")


def watermark_of(states, now, idle_micros):
    """states: of all shards, as the summary of a source's snapshot tells them."""
    times = [state for state in states if state.get("event_time_max") is not None]
    busy = [state["event_time_max"] for state in times
            if not state.get("is_at_end") and now - state["taken_at"] <= idle_micros]
    if busy:
        return min(busy)
    return max((state["event_time_max"] for state in times), default=None)


class Model:
    """Windows of one kind; subclasses say which windows a row is of."""

    def __init__(self, key, lateness):
        self.key = key
        self.lateness = lateness
        self.watermark = None
        self.late = []  # (event id, begin of the first window missed, windows missed)

    def floor(self):
        return float("-inf") if self.watermark is None else self.watermark - self.lateness

    def take(self, added, removed, watermark):
        """One snapshot of the source: rows that came and went, and the streams' watermark after it."""
        self.change(added, removed)
        if watermark is not None:
            self.watermark = max(self.watermark or watermark, watermark)

    def results(self):
        """(key, begin, end, rows, seconds, viewers) of each window."""
        return sorted((key, begin, end, len(rows), sum(row.watch_seconds for row in rows),
                       len({row.viewer_id for row in rows})) for key, begin, end, rows in self.windows())


class FixedWindows(Model):
    def __init__(self, key, lateness, size, slide):
        super().__init__(key, lateness)
        self.size, self.slide = size, slide
        self.contents = collections.defaultdict(collections.Counter)

    def begins(self, row):
        last = row.event_time // self.slide * self.slide
        return [begin for begin in range(last, row.event_time - self.size, -self.slide)]

    def change(self, added, removed):
        for row in added:
            missed = [begin for begin in self.begins(row) if begin + self.size <= self.floor()]
            for begin in self.begins(row):
                if begin not in missed:
                    self.contents[getattr(row, self.key), begin][row] += 1
            if missed:
                self.late.append((row.event_id, min(missed), len(missed)))
        for row in removed:
            for begin in self.begins(row):
                if begin + self.size > self.floor():
                    self.contents[getattr(row, self.key), begin][row] -= 1

    def windows(self):
        for (key, begin), rows in self.contents.items():
            if rows.total() > 0:
                yield key, begin, begin + self.size, list(rows.elements())


class Sessions(Model):
    def __init__(self, key, lateness, gap):
        super().__init__(key, lateness)
        self.gap = gap
        self.sessions = collections.defaultdict(list)  # by key: rows of each session

    def span(self, rows):
        return min(row.event_time for row in rows), max(row.event_time for row in rows) + self.gap

    def change(self, added, removed):
        floor = self.floor()
        fresh = collections.defaultdict(list)
        gone = collections.defaultdict(list)
        for row, to_change, is_added in [(row, fresh, True) for row in added] + [
                (row, gone, False) for row in removed]:
            key = getattr(row, self.key)
            spans = [self.span(rows) for rows in self.sessions[key]]
            in_open = any(end > floor and begin <= row.event_time < end for begin, end in spans)
            if in_open or (is_added and row.event_time + self.gap > floor):
                to_change[key].append(row)
            elif is_added:
                self.late.append((row.event_id, row.event_time, 1))
        for key in set(fresh) | set(gone):
            final = [rows for rows in self.sessions[key] if self.span(rows)[1] <= floor]
            pool = [row for rows in self.sessions[key] if self.span(rows)[1] > floor for row in rows]
            pool += fresh[key]
            for row in gone[key]:
                pool.remove(row)
            self.sessions[key] = final + self.split(pool)

    def split(self, rows):
        found = []
        for row in sorted(rows, key=lambda one: one.event_time):
            if found and row.event_time - found[-1][-1].event_time < self.gap:
                found[-1].append(row)
            else:
                found.append([row])
        return found

    def windows(self):
        for key, sessions in self.sessions.items():
            for rows in sessions:
                yield (key, *self.span(rows), rows)
