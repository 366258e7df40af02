// Runs a launch so that its crashes, its endless loops and Ctrl-C end the launch and nothing else.
#pragma once

namespace cpm_emulator {

// Calls `run`; what ended it early is reported as a fault of the thread that ran.
void run_guarded(void (*run)(), double timeout_s);

}  // namespace cpm_emulator
