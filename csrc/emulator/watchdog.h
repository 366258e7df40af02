// The time limit of a launch: one thread for the life of the process, which sleeps.
#pragma once

namespace cpm_emulator {

// After so many seconds the calling thread gets `signal`, and again every 5 ms until the watch ends.
void start_watch(double seconds, int signal);
void end_watch();

}  // namespace cpm_emulator
