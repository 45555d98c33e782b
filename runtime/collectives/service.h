#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/collectives/collective.h"
#include "runtime/collectives/head.h"
#include "runtime/collectives/transfer.h"
#include "runtime/collectives/transport.h"

namespace sinter::runtime {

// A collective that has begun.
struct Job {
  const Collective* collective = nullptr;
  CollectiveData data = {};
  Head head = {};

  CollectiveFault fault = {};  // of all ranks
  std::atomic<bool> is_done = false;

  // The service's own.
  std::unique_ptr<Transfer> transfer = nullptr;
  bool is_started = false;
};

// The thread of a process that carries out what its rank takes part in, and watches whether the others live.
class Service {
 public:
  explicit Service(std::unique_ptr<Transport> transport);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  void begin(std::shared_ptr<Job> job);
  void wait(const Job& job);               // throws RuntimeError after a failure
  std::string fail(std::string_view why);  // as Communicator's

 private:
  using Clock = std::chrono::steady_clock;

  // Of another rank. It counts once as many jobs have ended here as had there: all have sent what those take.
  struct Failure {
    std::string why;
    uint64_t ended_jobs;
    Clock::time_point counts_at;  // whatever has ended
  };

  struct Peer {
    std::deque<std::string> heads = {};  // with their data, of jobs that have not begun to move
    bool is_closing = false;
    bool is_ending = false;  // it knows that all are closing
    bool is_lost = false;    // it will say nothing any more
  };

  void run(std::promise<void> opened);
  bool take_jobs();
  bool take_posts();
  void beat();
  bool go_on();
  bool start(Job& job);
  bool step_after_failure();
  bool step_to_close();
  bool all_are_closing(bool or_lost) const;
  bool all_before_are_lost() const;
  std::string own_failure(std::string_view why) const;
  void rest(bool has_moved);
  void post_to_all(std::string_view bytes);
  void hear(std::string_view failure);
  void fail_for(std::string why, int lost_rank, bool tells);
  void drop_jobs();
  void say_close();
  bool may_end();
  void tell();

  std::unique_ptr<Transport> transport_;
  int rank_ = 0, size_ = 1;

  // Of the thread alone.
  std::deque<std::shared_ptr<Job>> jobs_;
  uint64_t ended_jobs_ = 0;
  std::optional<Failure> heard_;  // the first
  std::vector<Peer> peers_;
  Clock::time_point now_, moved_at_, beat_at_, watched_at_;
  Clock::duration silence_ = {};      // of the rank before, whose heart this one listens to
  Clock::time_point leaves_at_ = {};  // by force
  bool has_said_close_ = false, has_said_end_ = false;
  bool has_told_itself_ = false;  // of the failure

  std::mutex mutex_;
  std::condition_variable for_thread_, for_callers_;
  std::deque<std::shared_ptr<Job>> new_jobs_;
  std::string own_failure_;  // why this rank fails
  bool is_own_failure_ = false;
  bool is_closing_ = false;
  Clock::time_point closing_since_;
  std::atomic<bool> has_failed_ = false;  // failure_ says why
  std::string failure_;
  bool is_first_left_ = false;  // after a failure: no rank before this one is left
  Clock::time_point failed_at_, told_at_;
  bool is_told_ = false;    // callers know of the failure
  bool is_out_ = false;     // the others have been told of it
  bool has_ended_ = false;  // the thread
  std::thread thread_;
};

}  // namespace sinter::runtime
