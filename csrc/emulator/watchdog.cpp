#include "watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace cpm_emulator {

namespace {

typedef std::chrono::steady_clock Clock;

constexpr Clock::time_point NEVER = Clock::time_point::max();
constexpr std::chrono::milliseconds AGAIN(5);  // the first signal may have met the runtime itself
constexpr double LONGEST = 1e9;                // seconds; a larger number would overflow the clock

// Never freed: the thread may outlive everything that the process cleans up at its end.
struct Watch {
  std::mutex lock;
  std::condition_variable changed;
  Clock::time_point deadline = NEVER, asleep_until = NEVER;
  pthread_t watched;
  int signal = 0;
  pid_t owner = 0;  // a forked child has no such thread, and needs its own
};
Watch* watch = nullptr;

void* look_at_the_clock(void* data) {
  Watch& mine = *static_cast<Watch*>(data);
  std::unique_lock<std::mutex> hold(mine.lock);
  for (;;) {
    mine.asleep_until = mine.deadline;
    if (mine.deadline == NEVER)
      mine.changed.wait(hold);
    else
      mine.changed.wait_until(hold, mine.deadline);
    if (mine.deadline == NEVER || Clock::now() < mine.deadline) continue;
    pthread_kill(mine.watched, mine.signal);  // with the lock held, so the launch cannot have ended
    mine.deadline = Clock::now() + AGAIN;
  }
  return nullptr;
}

void start_thread() {
  watch = new Watch;
  watch->owner = getpid();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited: no signal may be delivered to it
  pthread_t thread;
  if (pthread_create(&thread, nullptr, look_at_the_clock, watch) == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void start_watch(double seconds, int signal) {
  if (!watch || watch->owner != getpid()) start_thread();
  std::lock_guard<std::mutex> hold(watch->lock);
  const std::chrono::duration<double> limit(seconds < LONGEST ? seconds : LONGEST);
  watch->watched = pthread_self();
  watch->signal = signal;
  watch->deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
  // Waking the thread costs more than a small launch; mostly it sleeps until an earlier launch's deadline.
  if (watch->deadline < watch->asleep_until) watch->changed.notify_one();
}

void end_watch() {
  std::lock_guard<std::mutex> hold(watch->lock);
  watch->deadline = NEVER;
}

}  // namespace cpm_emulator
