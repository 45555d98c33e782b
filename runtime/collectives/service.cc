#include "runtime/collectives/service.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "runtime/error.h"

namespace sinter::runtime {
namespace {

using namespace std::chrono_literals;

constexpr auto kBeat = 250ms;
constexpr auto kSilence = 2500ms;
constexpr auto kGrace = 1s;       // for a process to end by itself
constexpr auto kLastGrace = 2s;   // for the others to say that they end
constexpr auto kTurn = 300ms;     // of the first of those that are left
constexpr auto kCatchUp = 300ms;  // for what has ended on a rank that fails
constexpr auto kSpin = 20us;      // before a wait sleeps

// What a post is, its first byte.
enum PostKind : char { kIsAlive = 'a', kHead = 'h', kFails = 'f', kCloses = 'c', kEnds = 'e' };

// What a rank says before why it fails.
struct FailureHead {
  int64_t lost_rank = -1;
  uint64_t ended_jobs = 0;
};

}  // namespace

Service::Service(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {
  std::promise<void> opened;
  std::future<void> is_open = opened.get_future();
  thread_ = std::thread([this, &opened] { run(std::move(opened)); });
  try {
    is_open.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
    closing_since_ = Clock::now();
  }
  for_thread_.notify_one();
  thread_.join();
}

void Service::begin(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (has_failed_) return;  // wait says it
    new_jobs_.push_back(std::move(job));
  }
  for_thread_.notify_one();
}

void Service::wait(const Job& job) {
  const Clock::time_point since = Clock::now();
  while (!job.is_done && !has_failed_ && Clock::now() - since < kSpin) std::this_thread::yield();
  if (job.is_done) return;
  std::unique_lock lock(mutex_);
  for_callers_.wait(lock, [&] { return job.is_done || has_failed_; });
  if (job.is_done) return;
  if (!is_told_) told_at_ = Clock::now();
  is_told_ = true;
  throw RuntimeError(failure_);
}

std::string Service::fail(std::string_view why) {
  std::unique_lock lock(mutex_);
  is_told_ = true;
  told_at_ = Clock::now();
  if (!has_failed_ && !has_ended_) {
    is_own_failure_ = true;
    own_failure_ = why;
    for_thread_.notify_one();
    for_callers_.wait_for(lock, kGrace, [&] { return is_out_ || has_ended_; });
  }
  if (has_failed_ ? !is_first_left_ : rank_ != 0) return "";
  const bool is_of_another = has_failed_ && why.find(failure_) != std::string_view::npos;
  return is_of_another ? std::string(why) : own_failure(why);
}

std::string Service::own_failure(std::string_view why) const {
  return fmt::format("rank {} ended: {}", rank_, why);
}

void Service::run(std::promise<void> opened) {
  prctl(PR_SET_TIMERSLACK, 1);  // short sleeps stay short
  try {
    transport_->open();
    rank_ = transport_->rank();
    size_ = transport_->size();
    peers_.resize(static_cast<size_t>(size_));
    now_ = moved_at_ = beat_at_ = watched_at_ = Clock::now();
  } catch (...) {
    transport_.reset();
    opened.set_exception(std::current_exception());
    return;
  }
  opened.set_value();
  for (bool goes_on = true; goes_on;) {
    now_ = Clock::now();
    bool has_moved = take_jobs();
    has_moved |= take_posts();
    beat();
    if (!has_failed_) has_moved |= go_on();
    goes_on = has_failed_ ? step_after_failure() : step_to_close();
    if (goes_on) rest(has_moved);
  }
  drop_jobs();
  transport_.reset();
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  for_callers_.notify_all();
}

void Service::post_to_all(std::string_view bytes) {
  for (int i = 1; i < size_; ++i) transport_->post((rank_ + i) % size_, bytes);
}

// Heads go out as soon as jobs are known, so that those of several wait for no one another.
bool Service::take_jobs() {
  std::deque<std::shared_ptr<Job>> jobs;
  std::string why;
  bool fails;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(new_jobs_);
    fails = is_own_failure_ && !has_failed_;
    why = own_failure_;
  }
  if (fails) fail_for(own_failure(why), -1, true);
  if (has_failed_) return false;
  for (std::shared_ptr<Job>& job : jobs) {
    job->transfer = std::make_unique<Transfer>(*transport_, *job->collective, job->data);
    std::string head(1 + sizeof(Head), kHead);
    std::memcpy(head.data() + 1, &job->head, sizeof(Head));
    for (int i = 1; i < size_; ++i) {
      const int peer = (rank_ + i) % size_;
      transport_->post(peer, head + job->transfer->in_head_to(peer));
    }
    jobs_.push_back(std::move(job));
  }
  return !jobs.empty();
}

bool Service::take_posts() {
  bool has_moved = false;
  while (auto post = transport_->take_post()) {
    Peer& peer = peers_[static_cast<size_t>(post->from)];
    if (post->from == (rank_ + size_ - 1) % size_) silence_ = {};
    switch (static_cast<PostKind>(post->bytes[0])) {
      case kIsAlive:
        break;
      case kHead:
        peer.heads.push_back(std::move(post->bytes));
        has_moved = true;
        break;
      case kFails:
        hear(post->bytes);
        has_moved = true;
        break;
      case kCloses:
        peer.is_closing = true;
        has_moved = true;
        break;
      case kEnds:
        peer.is_ending = true;
        has_moved = true;
        break;
    }
  }
  return has_moved;
}

// Tells the rank behind that this one lives, and listens to the one before.
void Service::beat() {
  if (size_ == 1) return;
  if (now_ >= beat_at_) {
    beat_at_ = now_ + kBeat;
    const char bytes = kIsAlive;
    transport_->post((rank_ + 1) % size_, {&bytes, 1});
  }
  // Where this process has been stopped itself, the other's silence was not heard.
  silence_ += std::min<Clock::duration>(now_ - watched_at_, 100ms);
  watched_at_ = now_;
  if (silence_ < kSilence || has_failed_) return;
  const int before = (rank_ + size_ - 1) % size_;
  fail_for(fmt::format("rank {} has not answered for {:.1f} s", before,
                       std::chrono::duration<double>(silence_).count()),
           before, true);
}

// Carries on with the first job; whether anything moved.
bool Service::go_on() {
  bool has_moved = false;
  for (;;) {
    if (heard_ && (ended_jobs_ >= heard_->ended_jobs || now_ >= heard_->counts_at)) {
      fail_for(heard_->why, -1, false);
      return true;
    }
    if (jobs_.empty()) return has_moved;
    Job& job = *jobs_.front();
    try {
      if (!job.is_started) {
        if (!start(job)) return has_moved;
        has_moved = true;
      }
      has_moved |= job.transfer->advance();
    } catch (const std::exception& error) {
      fail_for(own_failure(error.what()), -1, true);
      return true;
    }
    if (!job.transfer->is_done()) return has_moved;
    has_moved = true;
    job.transfer.reset();
    {
      const std::lock_guard lock(mutex_);
      job.is_done = true;
    }
    for_callers_.notify_all();
    jobs_.pop_front();
    ++ended_jobs_;
  }
}

// Once the heads of all ranks are there.
bool Service::start(Job& job) {
  for (int rank = 0; rank < size_; ++rank) {
    const Peer& peer = peers_[static_cast<size_t>(rank)];
    if (rank == rank_ || !peer.heads.empty()) continue;
    if (peer.is_closing) fail_for(fmt::format("rank {} ended before the others", rank), -1, true);
    return false;
  }
  std::vector<Head> heads;
  std::vector<std::string_view> data;
  for (int rank = 0; rank < size_; ++rank) {
    Head head = job.head;
    std::string_view rest;
    if (rank != rank_) {
      rest = peers_[static_cast<size_t>(rank)].heads.front();
      std::memcpy(&head, rest.data() + 1, sizeof(Head));
      rest.remove_prefix(1 + sizeof(Head));
    }
    heads.push_back(head);
    data.push_back(rest);
  }
  if (auto what = disagreement(heads)) {
    fail_for(std::move(*what), -1, true);
    return false;
  }
  job.fault = first_fault(heads);
  job.transfer->begin(data);
  job.is_started = true;
  for (Peer& peer : peers_) {
    if (!peer.heads.empty()) peer.heads.pop_front();
  }
  return true;
}

// Callers may free what these use.
void Service::drop_jobs() {
  for (const std::shared_ptr<Job>& job : jobs_) job->transfer.reset();
  jobs_.clear();
}

// A rank that is lost may not have sent to all what it has sent to one.
void Service::hear(std::string_view failure) {
  FailureHead head;
  std::memcpy(&head, failure.data() + 1, sizeof head);
  std::string why(failure.substr(1 + sizeof head));
  if (head.lost_rank >= 0) return fail_for(std::move(why), static_cast<int>(head.lost_rank), false);
  if (!heard_) heard_ = {std::move(why), head.ended_jobs, now_ + kCatchUp};
}

// The first failure counts. `lost_rank` is one that will not say anything any more, or -1.
void Service::fail_for(std::string why, int lost_rank, bool tells) {
  if (lost_rank >= 0) peers_[static_cast<size_t>(lost_rank)].is_lost = true;
  if (has_failed_) return;
  drop_jobs();
  if (tells) {
    const FailureHead head{lost_rank, ended_jobs_};
    std::string post(1 + sizeof head, kFails);
    std::memcpy(post.data() + 1, &head, sizeof head);
    post_to_all(post + why);
  }
  {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
    failed_at_ = Clock::now();
    is_first_left_ = all_before_are_lost();
    has_failed_ = true;
  }
  for_callers_.notify_all();
}

bool Service::all_are_closing(bool or_lost) const {
  for (int rank = 0; rank < size_; ++rank) {
    const Peer& peer = peers_[static_cast<size_t>(rank)];
    if (rank != rank_ && !peer.is_closing && !(or_lost && peer.is_lost)) return false;
  }
  return true;
}

bool Service::all_before_are_lost() const {
  return std::all_of(peers_.begin(), peers_.begin() + rank_, [](const Peer& peer) { return peer.is_lost; });
}

void Service::say_close() {
  if (has_said_close_) return;
  const char bytes = kCloses;
  post_to_all({&bytes, 1});
  has_said_close_ = true;
}

// Once all have said that they close, and that they have heard it from all: nobody waits in the transport for
// one that does not answer.
bool Service::may_end() {
  if (!all_are_closing(false)) return false;
  if (!has_said_end_) {
    const char bytes = kEnds;
    post_to_all({&bytes, 1});
    has_said_end_ = true;
  }
  for (int rank = 0; rank < size_; ++rank) {
    if (rank != rank_ && !peers_[static_cast<size_t>(rank)].is_ending) return false;
  }
  return transport_->has_posted_all();
}

bool Service::step_to_close() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_closing_) return true;
  }
  say_close();
  if (!may_end()) return true;
  transport_->close(false);
  return false;
}

// Ends as all others do once their callers know, or by force.
bool Service::step_after_failure() {
  const bool is_out = transport_->has_posted_all();
  bool is_closing;
  Clock::time_point last;
  {
    const std::lock_guard lock(mutex_);
    if (is_out && !is_out_) {
      is_out_ = true;
      for_callers_.notify_all();
    }
    is_closing = is_closing_;
    last = is_closing ? std::max(closing_since_, failed_at_) + kLastGrace
                      : (is_told_ ? told_at_ : failed_at_) + kGrace;
  }
  if (is_closing) {
    tell();
    say_close();
    if (may_end()) {
      transport_->close(has_told_itself_);
      return false;
    }
    if (!all_are_closing(false) && all_are_closing(true) && transport_->has_posted_all()) last = now_;
  }
  if (now_ < last) return true;
  tell();
  // Launchers take one abort better than several at once.
  if (leaves_at_ == Clock::time_point()) leaves_at_ = all_before_are_lost() ? now_ : now_ + kTurn;
  if (now_ < leaves_at_) return true;
  transport_->abort();
  return false;
}

// Where the program does not: it has not called, or has not come to say what its call threw.
void Service::tell() {
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    if (is_told_ && (is_closing_ || is_own_failure_)) return;
    is_told_ = true;
    line = fmt::format("error: {}\n", failure_);
  }
  if (has_told_itself_) return;
  has_told_itself_ = true;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

// Sleeps the longer the longer nothing has moved: who waits leaves the cores to who computes.
void Service::rest(bool has_moved) {
  if (has_moved) {
    moved_at_ = now_;
    return;
  }
  const Clock::duration still = now_ - moved_at_;
  const bool waits = !jobs_.empty() || !transport_->has_posted_all();
  if (waits && still < kSpin) return std::this_thread::yield();
  std::unique_lock lock(mutex_);
  if (!new_jobs_.empty() || (is_own_failure_ && !has_failed_) || (is_closing_ && !has_said_close_)) return;
  const bool is_busy = waits || is_closing_ || has_failed_;
  for_thread_.wait_for(lock,
                       is_busy ? std::clamp<Clock::duration>(still / 8, 10us, 1ms) : Clock::duration(20ms));
}

}  // namespace sinter::runtime
