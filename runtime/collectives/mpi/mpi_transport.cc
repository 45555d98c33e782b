#include "runtime/collectives/mpi/mpi_transport.h"

// The bindings for C++ are another library.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iterator>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/collectives/launcher.h"
#include "runtime/error.h"

namespace sinter::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kEnding = std::chrono::milliseconds(2500);  // of MPI
constexpr auto kAborting = std::chrono::milliseconds(500);
constexpr auto kGivingUp = std::chrono::milliseconds(100);  // all that is under way

constexpr int kPosts = 1;  // tag
int tag_of(Transport::Stream stream) {
  return kPosts + 1 + static_cast<int>(stream);
}

std::string library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string all(text, static_cast<size_t>(length));
  std::ranges::replace(all, '\t', ' ');
  return all.substr(0, all.find_first_of(",\n"));  // "Open MPI v4.1.4", "MPICH Version: 4.0.2"
}

// Ends the process where `work`, in which others take part, takes longer.
template <typename Work>
void end_within(Clock::duration time, std::string_view line, Work&& work) {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_done = false;
  std::thread watch([&] {
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, time, [&] { return is_done; })) return;
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    ::_exit(1);
  });
  work();
  {
    const std::lock_guard lock(mutex);
    is_done = true;
  }
  changed.notify_one();
  watch.join();
}

class MpiTransport : public Transport {
 public:
  void open() override {
    int is_initialized = 0, level = 0;
    MPI_Initialized(&is_initialized);
    if (is_initialized) {
      // The program calls MPI from threads of its own.
      MPI_Query_thread(&level);
      if (level < MPI_THREAD_MULTIPLE)
        throw RuntimeError("the program has initialised MPI for fewer threads than MPI_THREAD_MULTIPLE");
    } else {
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level);
      is_mine_ = true;
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &all_);
    MPI_Comm_rank(all_, &rank_);
    MPI_Comm_size(all_, &size_);
    const std::optional<int> launched = launched_ranks();
    if (launched && *launched > 0 && *launched != size_) {
      if (is_mine_) MPI_Finalize();
      throw RuntimeError(
          fmt::format("{} processes have been started by the launcher of another MPI than {}, with which "
                      "Sinter was built",
                      *launched, library()));
    }
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void post(int peer, std::string_view bytes) override {
    end_posts();
    Posted& posted = posted_.emplace_back(Posted{std::string(bytes), MPI_REQUEST_NULL});
    MPI_Isend(posted.bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, peer, kPosts, all_,
              &posted.request);
  }

  std::optional<Post> take_post() override {
    int is_there = 0;
    MPI_Message message;
    MPI_Status status;
    MPI_Improbe(MPI_ANY_SOURCE, kPosts, all_, &is_there, &message, &status);
    if (is_there) {
      int count = 0;
      MPI_Get_count(&status, MPI_BYTE, &count);
      Coming& coming = coming_.emplace_back(
          Coming{{status.MPI_SOURCE, std::string(static_cast<size_t>(count), 0)}, MPI_REQUEST_NULL});
      MPI_Imrecv(coming.post.bytes.data(), count, MPI_BYTE, &message, &coming.request);
    }
    // Of each rank the first first.
    for (auto coming = coming_.begin(); coming != coming_.end(); ++coming) {
      const bool is_first = std::none_of(
          coming_.begin(), coming, [&](const Coming& other) { return other.post.from == coming->post.from; });
      if (!is_first || !has_ended(coming->request)) continue;
      Post post = std::move(coming->post);
      coming_.erase(coming);
      return post;
    }
    return std::nullopt;
  }

  bool has_posted_all() override {
    end_posts();
    return posted_.empty();
  }

  Request send(int peer, Stream stream, const void* data, size_t bytes) override {
    const size_t slot = free_slot();
    MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, peer, tag_of(stream), all_, &slots_[slot].request);
    slots_[slot].receives = false;
    return slot;
  }

  Request receive(int peer, Stream stream, void* data, size_t bytes) override {
    const size_t slot = free_slot();
    MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, peer, tag_of(stream), all_, &slots_[slot].request);
    slots_[slot].receives = true;
    return slot;
  }

  bool is_done(Request request) override {
    if (!has_ended(slots_[request].request)) return false;
    free_.push_back(request);
    return true;
  }

  // What others do not answer ends as MPI has it.
  void give_up(Request request) override {
    Slot& slot = slots_[request];
    if (slot.receives) MPI_Cancel(&slot.request);
    if (gives_up_until_ == Clock::time_point()) gives_up_until_ = Clock::now() + kGivingUp;
    while (!has_ended(slot.request)) {
      if (Clock::now() > gives_up_until_) {
        MPI_Request_free(&slot.request);
        break;
      }
      std::this_thread::yield();
    }
    free_.push_back(request);
  }

  void close(bool ends_process) override {
    if (is_mine_) end_within(kEnding, "error: MPI does not end: a rank is gone\n", [] { MPI_Finalize(); });
    if (!ends_process) return;
    std::fflush(nullptr);
    ::_exit(1);
  }

  void abort() override {
    end_within(kAborting, "", [&] { MPI_Abort(all_, 1); });
    ::_exit(1);
  }

 private:
  struct Posted {
    std::string bytes;
    MPI_Request request;
  };
  struct Coming {
    Post post;
    MPI_Request request;
  };
  struct Slot {
    MPI_Request request = MPI_REQUEST_NULL;
    bool receives = false;
  };

  static bool has_ended(MPI_Request& request) {
    int has_ended = 0;
    MPI_Test(&request, &has_ended, MPI_STATUS_IGNORE);
    return has_ended != 0;
  }

  void end_posts() {
    for (auto posted = posted_.begin(); posted != posted_.end();)
      posted = has_ended(posted->request) ? posted_.erase(posted) : std::next(posted);
  }

  size_t free_slot() {
    if (free_.empty()) {
      slots_.emplace_back();
      return slots_.size() - 1;
    }
    const size_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  bool is_mine_ = false;  // MPI
  MPI_Comm all_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::list<Posted> posted_;  // where MPI reads
  std::list<Coming> coming_;
  std::vector<Slot> slots_;
  std::vector<size_t> free_;
  Clock::time_point gives_up_until_ = {};
};

}  // namespace

std::unique_ptr<Transport> mpi_transport() {
  return std::make_unique<MpiTransport>();
}

}  // namespace sinter::runtime
