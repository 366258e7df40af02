// What the lanes of a warp do together: shuffles, votes, __syncwarp. A group may go on when every lane that
// its mask names has called the same function with the same mask, or has exited.
#include <algorithm>
#include <cstdio>

#include "emulator.h"
#include "race_check.h"

namespace cpm_emulator {

namespace {

unsigned lanes_of(const Fiber* first, int count, State state) {
  unsigned lanes = 0;
  for (int i = 0; i < count; ++i) lanes |= unsigned(first[i].state == state) << i;
  return lanes;
}

int warp_lanes(int first) { return std::min(WARP, machine.num_threads - first); }

// ---- warp functions

uint64_t reduce(int kind, uint64_t a, uint64_t b) {
  const unsigned u = unsigned(a), v = unsigned(b);
  switch (kind) {
    case ADD:
      return u + v;
    case LEAST:
      return std::min(u, v);
    case MOST:
      return std::max(u, v);
    case LEAST_SIGNED:
      return unsigned(std::min(int(u), int(v)));
    case MOST_SIGNED:
      return unsigned(std::max(int(u), int(v)));
    case AND:
      return u & v;
    case OR:
      return u | v;
    case XOR:
      return u ^ v;
    default:
      return u;
  }
}

// What one lane gets, once all of `lanes` have brought their values.
uint64_t outcome(const Fiber* warp, int lane, unsigned lanes) {
  const Fiber& me = warp[lane];
  uint64_t result = ~0ull;  // as bits: NaN, or -1
  switch (me.kind) {
    case SYNC:
      return 0;
    case SHUFFLE:
    case SLIDE:
      // The value of a lane that takes no part is undefined on a GPU.
      return me.source >= 0 && me.source < WARP && (lanes >> me.source & 1) ? warp[me.source].value : result;
    case BALLOT:
      result = 0;
      for (int i = 0; i < WARP; ++i)
        if (lanes >> i & 1) result |= (warp[i].value & 1) << i;
      return result;
    case MATCH_ANY:
    case MATCH_ALL: {
      unsigned same = 0;
      for (int i = 0; i < WARP; ++i)
        if (lanes >> i & 1) same |= unsigned(warp[i].value == me.value) << i;
      return me.kind == MATCH_ANY || same == lanes ? same : 0;
    }
    default: {
      bool first = true;
      for (int i = 0; i < WARP; ++i)
        if (lanes >> i & 1) {
          result = first ? warp[i].value : reduce(me.kind, result, warp[i].value);
          first = false;
        }
      return result;
    }
  }
}

// A lane that its own mask names, or that a shuffle picked itself, and that is not there: the caller gets
// garbage.
void check_source(const Fiber& me, int lane, unsigned lanes) {
  const bool inside = me.source >= 0 && me.source < WARP;
  if ((me.kind != SHUFFLE && me.kind != SLIDE) || (inside && (lanes >> me.source & 1))) return;
  const bool named = inside && (me.mask >> me.source & 1);
  if (me.kind == SLIDE && !named) return;
  const uint64_t line = uint64_t(me.line);
  Fault* fault = report_once("shuffle-from-absent-lane", &me, me.file, line);
  if (!fault) return;
  fault->place = fault->other_place = 0;
  fault->line = me.line;
  snprintf(fault->file, sizeof fault->file, "%s", me.file);
  snprintf(fault->text, sizeof fault->text, "(lane %d) shuffles from lane %d, which %s", lane, me.source,
           named ? "has left the kernel, or never was in this block" : "its mask leaves out");
}

const char* warp_function(int kind) {
  switch (kind) {
    case SYNC:
      return "__syncwarp";
    case SHUFFLE:
    case SLIDE:
      return "a shuffle";
    case BALLOT:
    case AND:
    case OR:
      return "a vote";
    case MATCH_ANY:
    case MATCH_ALL:
      return "a match";
    default:
      return "a warp reduction";
  }
}

}  // namespace

bool try_to_gather(Fiber* me) {
  const int number = thread_number(me), first = number & ~(WARP - 1), count = warp_lanes(first);
  Fiber* warp = machine.fibers.data() + first;
  unsigned lanes = 0;
  for (int i = 0; i < count; ++i) {
    if (!(me->mask >> i & 1) || warp[i].state == EXITED) continue;
    if (warp[i].state != IN_WARP || warp[i].mask != me->mask || warp[i].kind != me->kind) return false;
    lanes |= 1u << i;
  }
  for (int i = 0; i < count; ++i)
    if (lanes >> i & 1) {
      if (machine.how->most_accesses) check_source(warp[i], i, lanes);  // traced
      warp[i].result = outcome(warp, i, lanes);
    }
  for (int i = 0; i < count; ++i)
    if (lanes >> i & 1) warp[i].state = READY;
  if (me->kind == SYNC) recorder_syncs_warp(first, lanes);
  return true;
}

void report_stuck_warp(const Fiber& waiting) {
  const int first = thread_number(&waiting) & ~(WARP - 1);
  const Fiber* warp = machine.fibers.data() + first;
  for (int i = 0; i < warp_lanes(first); ++i) {
    const Fiber& other = warp[i];
    if (!(waiting.mask >> i & 1) || other.state == EXITED) continue;
    if (other.state == IN_WARP && other.mask == waiting.mask && other.kind == waiting.kind) continue;
    char at[64];
    if (other.state == AT_BARRIER)
      snprintf(at, sizeof at, "waits at a __syncthreads");
    else if (other.kind == waiting.kind)
      snprintf(at, sizeof at, "calls it with the mask 0x%x", other.mask);
    else
      snprintf(at, sizeof at, "waits in %s", warp_function(other.kind));
    Fault& fault = report("divergent-warp", &waiting, waiting.file, waiting.line,
                          "waits in %s for lane %d of its mask 0x%x, which %s", warp_function(waiting.kind),
                          i, waiting.mask, at);
    set_other(fault, other);
    return;
  }
}

// Lanes that asked __activemask in the same place answer for each other, once the rest of the warp waits.
bool answer_active_masks() {
  bool answered = false;
  for (int first = 0; first < machine.num_threads; first += WARP) {
    Fiber* warp = machine.fibers.data() + first;
    const int count = warp_lanes(first);
    unsigned asking = lanes_of(warp, count, AT_ACTIVE_MASK);
    if (!asking) continue;
    const Fiber& one = warp[__builtin_ctz(asking)];
    for (int i = 0; i < count; ++i)
      if ((asking >> i & 1) && (warp[i].line != one.line || warp[i].file != one.file)) asking &= ~(1u << i);
    for (int i = 0; i < count; ++i)
      if (asking >> i & 1) {
        warp[i].result = asking;
        warp[i].state = READY;
      }
    answered = true;
  }
  return answered;
}

unsigned long long collective(Collective kind, unsigned mask, unsigned long long value, int source,
                              const char* file, int line) {
  if (machine.stopping) leave();
  Fiber* me = machine.current;
  const int number = thread_number(me);
  me->file = file;
  me->line = line;
  me->kind = kind;
  me->mask = mask;
  me->source = source;
  me->value = value;
  if (!(mask >> (number & (WARP - 1)) & 1)) {
    report("lane-not-in-mask", me, file, line, "lane %d calls %s with the mask 0x%x, which leaves it out",
           number & (WARP - 1), warp_function(kind), mask);
    leave();
  }
  me->state = IN_WARP;
  if (!try_to_gather(me)) wait_as(IN_WARP);
  return me->result;
}

unsigned active_mask(const char* file, int line) {
  Fiber* me = machine.current;
  me->file = file;
  me->line = line;
  wait_as(AT_ACTIVE_MASK);
  return unsigned(me->result);
}

}  // namespace cpm_emulator
