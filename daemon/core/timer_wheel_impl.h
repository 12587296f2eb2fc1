// The bodies of TimerWheel; include timer_wheel.h.
#pragma once

#include "daemon/core/timer_wheel.h"

namespace rruled::core {

template <TimerId Id>
TimerHandle TimerWheel<Id>::arm(const Id& id, Timestamp due) {
  if (free_timer_ == kNone) {
    assert(timers_.size() < kNone);
    free_timer_ = static_cast<std::uint32_t>(timers_.size());
    timers_.push_back({.location = kNone, .generation = 1});
  }
  const std::uint32_t timer = free_timer_;
  free_timer_ = timers_[timer].location;
  place({to_tick(due), id, timer});
  if (empty()) {
    soonest_.set(to_tick(due));
  } else {
    soonest_.add(to_tick(due));
  }
  ++size_;
  return {.timer = timer, .generation = timers_[timer].generation};
}

template <TimerId Id>
bool TimerWheel<Id>::cancel(Handle handle) {
  if (!armed(handle)) return false;
  take_out(handle.timer);
  forget(handle.timer);
  return true;
}

template <TimerId Id>
bool TimerWheel<Id>::rearm(Handle handle, Timestamp due) {
  if (!armed(handle)) return false;
  const std::uint32_t location = timers_[handle.timer].location;
  const Id id = chunks_[location >> kOffsetBits].entries[location % (1U << kOffsetBits)].id;
  take_out(handle.timer);
  place({to_tick(due), id, handle.timer});
  soonest_.add(to_tick(due));
  return true;
}

template <TimerId Id>
void TimerWheel<Id>::advance(Timestamp now, std::vector<Fired>& fired) {
  const Tick last = to_tick(now);
  const Tick target = after(last);
  if (target < levels_.position()) step_back(target);
  fire(TimerLevels::kPassed, fired);
  while (levels_.lowest_level() < TimerLevels::kLevels) {
    const Slot slot = levels_.first();
    const Tick start = levels_.start_of(slot);
    if (TimerLevels::level_of(slot) == 0) {
      if (start > last) break;
      fire(slot, fired);
    } else {
      // Up to `target`: the position may not come to lie inside an occupied slot of a higher level.
      if (start > target) break;
      levels_.set_position(start);
      spread(slot);
    }
  }
  levels_.set_position(target);
  soonest_.reset();
}

template <TimerId Id>
std::optional<Timestamp> TimerWheel<Id>::next_due() const {
  if (empty()) return std::nullopt;
  if (!soonest_.known()) find_soonest();
  return to_timestamp(soonest_.tick());
}

template <TimerId Id>
void TimerWheel<Id>::clear() {
  for (Slot slot = 0; slot < TimerLevels::kSlots; ++slot) {
    drain(slot, [this](const Entry& entry) { forget(entry.timer); });
  }
}

template <TimerId Id>
void TimerWheel<Id>::reserve(std::size_t timers) {
  timers_.reserve(timers);
  chunks_.reserve(timers / kChunkTimers + TimerLevels::kSlots + 1);
}

template <TimerId Id>
bool TimerWheel<Id>::armed(Handle handle) const {
  return handle.timer < timers_.size() && timers_[handle.timer].generation == handle.generation;
}

// What has passed comes first, then the first slot; on level 0 a slot is one tick.
template <TimerId Id>
void TimerWheel<Id>::find_soonest() const {
  Slot slot = TimerLevels::kPassed;
  if (tails_[slot] == kNone) {
    slot = levels_.first();
    if (TimerLevels::level_of(slot) == 0) return soonest_.set(levels_.start_of(slot));
  }
  soonest_.begin_search();
  for (std::uint32_t at = tails_[slot]; at != kNone; at = chunks_[at].previous) {
    const Chunk& chunk = chunks_[at];
    for (std::uint32_t i = 0; i < chunk.count; ++i) soonest_.offer(chunk.entries[i].due);
  }
  soonest_.end_search();
}

template <TimerId Id>
void TimerWheel<Id>::place(const Entry& entry) {
  const Slot slot = levels_.slot_of(entry.due);
  std::uint32_t tail = tails_[slot];
  if (tail == kNone || chunks_[tail].count == kChunkTimers) tail = take_chunk(slot, tail);
  Chunk& chunk = chunks_[tail];
  chunk.entries[chunk.count] = entry;
  timers_[entry.timer].location = tail << kOffsetBits | chunk.count;
  ++chunk.count;
}

// Fills the hole with the last timer of the slot.
template <TimerId Id>
void TimerWheel<Id>::take_out(std::uint32_t timer) {
  const std::uint32_t location = timers_[timer].location;
  const std::uint32_t offset = location % (1U << kOffsetBits);
  Chunk& chunk = chunks_[location >> kOffsetBits];
  soonest_.remove(chunk.entries[offset].due);

  const Slot slot = chunk.slot;
  const std::uint32_t tail = tails_[slot];
  Chunk& last = chunks_[tail];
  --last.count;
  chunk.entries[offset] = last.entries[last.count];
  timers_[chunk.entries[offset].timer].location = location;
  if (last.count > 0) return;
  tails_[slot] = last.previous;
  release_chunk(tail);
  if (tails_[slot] == kNone) levels_.set_occupied(slot, false);
}

template <TimerId Id>
void TimerWheel<Id>::forget(std::uint32_t timer) {
  Timer& freed = timers_[timer];
  if (++freed.generation == 0) freed.generation = 1;
  freed.location = free_timer_;
  free_timer_ = timer;
  --size_;
}

template <TimerId Id>
std::uint32_t TimerWheel<Id>::take_chunk(Slot slot, std::uint32_t previous) {
  if (free_chunk_ == kNone) {
    assert(chunks_.size() < kNone >> kOffsetBits);
    chunks_.emplace_back().previous = kNone;
    free_chunk_ = static_cast<std::uint32_t>(chunks_.size() - 1);
  }
  const std::uint32_t taken = free_chunk_;
  Chunk& chunk = chunks_[taken];
  free_chunk_ = chunk.previous;
  chunk.previous = previous;
  chunk.slot = static_cast<std::uint16_t>(slot);
  chunk.count = 0;
  tails_[slot] = taken;
  if (previous == kNone) levels_.set_occupied(slot, true);
  return taken;
}

template <TimerId Id>
void TimerWheel<Id>::release_chunk(std::uint32_t chunk) {
  chunks_[chunk].previous = free_chunk_;
  free_chunk_ = chunk;
}

// Empties the slot before the first visit, so that `visit` may place timers, in the same slot too.
template <TimerId Id>
template <class Visit>
void TimerWheel<Id>::drain(Slot slot, Visit visit) {
  std::uint32_t at = tails_[slot];
  if (at == kNone) return;
  tails_[slot] = kNone;
  levels_.set_occupied(slot, false);
  while (at != kNone) {
    for (std::uint32_t i = 0; i < chunks_[at].count; ++i) {
      visit(Entry(chunks_[at].entries[i]));  // a copy: `visit` may move the chunks
    }
    const std::uint32_t previous = chunks_[at].previous;
    release_chunk(at);
    at = previous;
  }
}

template <TimerId Id>
void TimerWheel<Id>::spread(Slot slot) {
  drain(slot, [this](const Entry& entry) { place(entry); });
}

template <TimerId Id>
void TimerWheel<Id>::fire(Slot slot, std::vector<Fired>& fired) {
  const auto before = static_cast<std::ptrdiff_t>(fired.size());
  drain(slot, [&](const Entry& entry) {
    fired.push_back({entry.id, to_timestamp(entry.due)});
    forget(entry.timer);
  });
  std::ranges::sort(fired.begin() + before, fired.end(), [](const Fired& a, const Fired& b) {
    return a.due != b.due ? a.due < b.due : a.id < b.id;
  });
}

// Timers that differ from the position in a byte above the highest that changes keep their slots,
// and so do those that differ in that one. All below go to one slot of its level. What had passed
// and lies ahead again goes back into the levels.
template <TimerId Id>
void TimerWheel<Id>::step_back(Tick position) {
  const int changed = TimerLevels::highest_byte(levels_.position() ^ position);
  levels_.set_position(position);
  while (levels_.lowest_level() < changed) spread(levels_.first());
  spread(TimerLevels::kPassed);
}

}  // namespace rruled::core
