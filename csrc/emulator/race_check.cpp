// Two accesses to the same bytes race if one is a plain write, not both are atomic, and nothing puts them in
// order. In order are: accesses of one thread; those before and after a barrier of their block; those of two
// lanes that met in a __syncwarp in between (shuffles and votes order no memory); and what came before a
// __threadfence and an atomic, for whoever uses an atomic on the same address later. Nothing else orders
// blocks. The verdict does not hang on the order in which the emulator happened to run the threads.
//
// For each word we keep the last plain write, and the readers and atomics of each warp: after a write that
// raced with nobody, all earlier accesses are in order with whatever is in order with the write.
#include "race_check.h"

#include <algorithm>
#include <unordered_map>

namespace cpm_emulator {

namespace {

struct Event {
  uint64_t place = 0;
  uint64_t block = 0;
  uint32_t barriers = 0;
  uint32_t clock = 0;          // the thread's own syncwarp count
  uint32_t block_fences = 0;   // fences of the block before this
  uint32_t thread_fences = 0;  // and of the thread
  uint32_t warp_syncs = 0;     // __syncwarp calls of the thread since the last block barrier
  int thread = -1;             // -1: none yet
};

// The accesses of one warp since the last write: the last event, and the clock of each lane.
struct WarpEvents {
  Event last;
  uint32_t lanes = 0;
  uint32_t clocks[WARP];
};

struct Cell {
  Event write;
  std::vector<WarpEvents> readers, atomics;
  bool initialised = false;
  int early_read = -1;  // index into early_reads
};

// A read of shared memory that nobody had written yet. Where a write that is not in order with it follows,
// the two race, and that is the fault; where none does, the read is.
struct EarlyRead {
  void* place;
  const Fiber* reader;
  uint64_t address;
  int size;
  bool races;
};

// A word is one cell until a part of it is accessed alone (bytes, bfloat16): then each byte is one.
struct Word {
  Cell whole;
  std::vector<Cell> bytes;
  uint64_t stamp = 0;  // shared memory: of the block that wrote this, so that a new block starts afresh
};

// What an atomic address has published: of each block, and of each thread of this block, the number of fences
// that came before its latest atomic there.
struct Releases {
  std::unordered_map<uint64_t, uint32_t> blocks;
  std::unordered_map<int, uint32_t> threads;
};

std::vector<Word> shared_words;
std::unordered_map<uint64_t, Word> global_words;
uint64_t stamp = 0;
std::vector<EarlyRead> early_reads;

std::unordered_map<uint64_t, Releases> published;  // by address; entries never move
std::vector<const Releases*> seen_by_block;
std::vector<std::vector<const Releases*>> seen_by_thread;
std::vector<uint32_t> thread_fences;
uint32_t block_fences = 0;

int lane_of(int thread) { return thread % WARP; }

bool comes_after_release(const Event& event, int me) {
  if (event.block != machine.block_number) {
    for (const Releases* seen : seen_by_block) {
      const auto found = seen->blocks.find(event.block);
      if (found != seen->blocks.end() && found->second > event.block_fences) return true;
    }
    return false;
  }
  for (const Releases* seen : seen_by_thread[me]) {
    const auto found = seen->threads.find(event.thread);
    if (found != seen->threads.end() && found->second > event.thread_fences) return true;
  }
  return false;
}

// Of two atomics on one address the later sees the earlier, and what lies behind it comes after both.
bool comes_after_atomic(const Event& event, int me, uint64_t address) {
  if (event.block == machine.block_number || !event.thread_fences) return false;
  const auto here = published.find(address);
  if (here == published.end() || !here->second.blocks.count(event.block)) return false;
  const std::vector<const Releases*>& seen = seen_by_thread[me];
  return std::find(seen.begin(), seen.end(), &here->second) != seen.end();
}

bool in_order(const Event& event, const Fiber& me, int my_thread, uint32_t clock) {
  if (event.block != machine.block_number) return comes_after_release(event, my_thread);
  if (event.thread == my_thread || event.barriers != machine.barriers) return true;
  if (event.thread / WARP == my_thread / WARP && me.clocks[lane_of(event.thread)] > clock) return true;
  return comes_after_release(event, my_thread);
}

const char* kind_of_race(const Event& event, const Fiber& me, int my_thread, bool is_shared, bool is_write) {
  if (event.block != machine.block_number) return "cross-block-race";
  if (event.thread / WARP == my_thread / WARP) return "warp-race";
  // Whoever read after a __syncwarp took that for enough.
  if (is_write ? event.warp_syncs : me.warp_syncs) return "syncwarp-too-narrow";
  return is_shared ? "shared-race" : "global-race";
}

void report_pair(const Event& event, const Fiber& me, int my_thread, bool is_shared, bool is_write,
                 bool other_is_write, uint64_t address, int size, void* place) {
  Fault* fault =
      report_once(kind_of_race(event, me, my_thread, is_shared, is_write), &me, place, event.place);
  if (!fault) return;
  const dim3 grid = machine.grid, block = machine.block;
  fault->is_write = is_write;
  fault->other_is_write = other_is_write;
  fault->is_shared = is_shared;
  fault->address = address;
  fault->size = size;
  fault->other_block[0] = unsigned(event.block % grid.x);
  fault->other_block[1] = unsigned(event.block / grid.x % grid.y);
  fault->other_block[2] = unsigned(event.block / grid.x / grid.y);
  fault->other_thread[0] = event.thread % block.x;
  fault->other_thread[1] = event.thread / block.x % block.y;
  fault->other_thread[2] = event.thread / block.x / block.y;
}

// The first of `events` that is not in order with what the running thread does now.
const Event* find_unordered(const std::vector<WarpEvents>& events, const Fiber& me, int my_thread,
                            Event& found) {
  for (const WarpEvents& warp : events) {
    const bool same_warp =
        warp.last.block == machine.block_number && warp.last.thread / WARP == my_thread / WARP;
    if (!same_warp) {
      if (!in_order(warp.last, me, my_thread, warp.last.clock)) return &(found = warp.last);
      continue;
    }
    for (int lane = 0; lane < WARP; ++lane) {
      if (!(warp.lanes >> lane & 1)) continue;
      found = warp.last;
      found.thread = my_thread / WARP * WARP + lane;
      found.clock = warp.clocks[lane];
      if (!in_order(found, me, my_thread, found.clock)) return &found;
    }
  }
  return nullptr;
}

void remember(std::vector<WarpEvents>& events, const Event& event) {
  const int lane = lane_of(event.thread), warp = event.thread / WARP;
  for (WarpEvents& known : events) {
    if (known.last.block != event.block || known.last.thread / WARP != warp) continue;
    if (known.last.barriers != event.barriers) known.lanes = 0;
    known.last = event;
    known.lanes |= 1u << lane;
    known.clocks[lane] = event.clock;
    return;
  }
  // Of earlier blocks two are enough: one of them is not the block that may write later.
  const auto is_old = [&](const WarpEvents& known) { return known.last.block != event.block; };
  const auto old = std::find_if(events.begin(), events.end(), is_old);
  if (std::count_if(events.begin(), events.end(), is_old) > 2) events.erase(old);
  events.emplace_back();
  WarpEvents& fresh = events.back();
  fresh.last = event;
  fresh.lanes = 1u << lane;
  fresh.clocks[lane] = event.clock;
}

void check_cell(Cell& cell, const Event& event, bool is_write, bool is_atomic, bool is_shared,
                uint64_t address, int size, void* place) {
  const Fiber& me = *machine.current;
  const auto race_with = [&](const Event& other, bool other_is_write) {
    report_pair(other, me, event.thread, is_shared, is_write, other_is_write, address, size, place);
  };
  const bool reads = !is_write || is_atomic;
  if (is_shared && reads && !cell.initialised && cell.early_read < 0) {
    cell.early_read = int(early_reads.size());
    early_reads.push_back(EarlyRead{place, &me, address, size, false});
  }
  if (is_write) cell.initialised = true;
  Event found;
  const Event* other = nullptr;
  if (cell.write.thread >= 0 && !in_order(cell.write, me, event.thread, cell.write.clock))
    race_with(cell.write, true);
  else if (!is_atomic && (other = find_unordered(cell.atomics, me, event.thread, found)) &&
           !comes_after_atomic(*other, event.thread, address))
    race_with(*other, true);
  else if (is_write && (other = find_unordered(cell.readers, me, event.thread, found))) {
    race_with(*other, false);
    if (cell.early_read >= 0) early_reads[cell.early_read].races = true;
  }
  if (is_atomic) {
    remember(cell.atomics, event);
  } else if (is_write) {
    cell.write = event;
    cell.readers.clear();
    cell.atomics.clear();
  } else {
    remember(cell.readers, event);
  }
}

}  // namespace

void check_order(uint64_t address, int size, bool is_write, bool is_atomic, bool is_shared, void* place) {
  const Fiber& me = *machine.current;
  const int thread = thread_number(&me);
  const Event event{reinterpret_cast<uint64_t>(place),
                    machine.block_number,
                    machine.barriers,
                    me.clocks[lane_of(thread)],
                    block_fences,
                    thread_fences[thread],
                    me.warp_syncs,
                    thread};
  const uint64_t end = address + uint64_t(size);
  for (uint64_t at = address & ~3ull; at < end; at += 4) {
    if (is_shared && at / 4 >= shared_words.size()) shared_words.resize(at / 4 + 256);
    Word& word = is_shared ? shared_words[at / 4] : global_words[at / 4];
    if (is_shared && word.stamp != stamp) {
      word = Word();
      word.stamp = stamp;
    }
    const bool covers_word = at >= address && at + 4 <= end;
    if (!covers_word && word.bytes.empty()) word.bytes.assign(4, word.whole);
    if (word.bytes.empty()) {
      check_cell(word.whole, event, is_write, is_atomic, is_shared, address, size, place);
      continue;
    }
    for (uint64_t byte = std::max(at, address); byte < std::min(at + 4, end); ++byte)
      check_cell(word.bytes[byte - at], event, is_write, is_atomic, is_shared, address, size, place);
  }
}

void recorder_syncs_warp(int first_thread, unsigned lanes) {
  uint32_t joined[WARP] = {};
  Fiber* warp = machine.fibers.data() + first_thread;
  for (int i = 0; i < WARP; ++i) {
    if (!(lanes >> i & 1)) continue;
    ++warp[i].clocks[i];
    ++warp[i].warp_syncs;
    for (int j = 0; j < WARP; ++j) joined[j] = std::max(joined[j], warp[i].clocks[j]);
  }
  for (int i = 0; i < WARP; ++i)
    if (lanes >> i & 1) std::copy(joined, joined + WARP, warp[i].clocks);
}

void fence() {
  ++block_fences;
  ++thread_fences[thread_number(machine.current)];
}

void acquire_and_release(uint64_t address) {
  const int thread = thread_number(machine.current);
  Releases& here = published[address];
  if (!here.blocks.empty()) {
    const auto note = [&](std::vector<const Releases*>& seen) {
      if (std::find(seen.begin(), seen.end(), &here) == seen.end()) seen.push_back(&here);
    };
    note(seen_by_block);
    note(seen_by_thread[thread]);
  }
  if (!thread_fences[thread]) return;
  here.blocks[machine.block_number] = block_fences;
  here.threads[thread] = thread_fences[thread];
}

void report_early_reads() {
  for (const EarlyRead& read : early_reads) {
    if (read.races) continue;
    Fault* fault = report_once("uninitialised-shared", read.reader, read.place, 0);
    if (!fault) continue;
    fault->is_shared = true;
    fault->address = read.address;
    fault->size = read.size;
  }
  early_reads.clear();
}

void forget_global_order() {
  global_words.clear();
  published.clear();
  forget_shared_order();
}

void forget_shared_order() {
  ++stamp;
  early_reads.clear();
  block_fences = 0;
  seen_by_block.clear();
  seen_by_thread.assign(machine.num_threads, {});
  thread_fences.assign(machine.num_threads, 0);
  for (auto& entry : published) entry.second.threads.clear();
}

}  // namespace cpm_emulator
