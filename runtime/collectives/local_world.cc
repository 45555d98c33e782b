#include "runtime/collectives/local_world.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace sinter::runtime {
namespace {

using Clock = std::chrono::steady_clock;

struct LocalMessage {
  int from;
  std::string bytes;
  Clock::time_point there;
};

// What has been sent to a rank.
struct LocalRank {
  std::deque<LocalMessage> posts = {};
  std::map<std::pair<int, Transport::Stream>, std::deque<LocalMessage>> data = {};
  Clock::time_point out_free = {}, in_free = {};  // when its wire is
};

struct LocalWorld {
  Wire wire;
  std::mutex mutex = {};
  std::vector<LocalRank> ranks = {};

  // When a message that is sent now has left, and when it is there.
  std::array<Clock::time_point, 2> times(int from, int to, size_t bytes) {
    const auto ticks = [](double seconds) {
      return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    };
    const Clock::duration lasts =
        wire.bytes_per_second > 0 ? ticks(static_cast<double>(bytes) / wire.bytes_per_second) : ticks(0);
    Clock::time_point& out = ranks[static_cast<size_t>(from)].out_free;
    Clock::time_point& in = ranks[static_cast<size_t>(to)].in_free;
    out = std::max(out, Clock::now()) + lasts;
    in = std::max(out + ticks(wire.latency), in + lasts);
    return {out, in};
  }
};

class LocalTransport : public Transport {
 public:
  LocalTransport(std::shared_ptr<LocalWorld> world, int rank) : world_(std::move(world)), rank_(rank) {}

  void open() override {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(world_->ranks.size()); }

  void post(int peer, std::string_view bytes) override {
    const std::lock_guard lock(world_->mutex);
    const auto [out, there] = world_->times(rank_, peer, bytes.size());
    world_->ranks[static_cast<size_t>(peer)].posts.push_back({rank_, std::string(bytes), there});
    posted_until_ = out;
  }

  std::optional<Post> take_post() override {
    const std::lock_guard lock(world_->mutex);
    auto& posts = world_->ranks[static_cast<size_t>(rank_)].posts;
    if (posts.empty() || posts.front().there > Clock::now()) return std::nullopt;
    Post post{posts.front().from, std::move(posts.front().bytes)};
    posts.pop_front();
    return post;
  }

  bool has_posted_all() override { return posted_until_ <= Clock::now(); }

  Request send(int peer, Stream stream, const void* data, size_t bytes) override {
    const std::lock_guard lock(world_->mutex);
    const auto [out, there] = world_->times(rank_, peer, bytes);
    world_->ranks[static_cast<size_t>(peer)].data[{rank_, stream}].push_back(
        {rank_, {static_cast<const char*>(data), bytes}, there});
    sends_[++last_] = out;
    return last_;
  }

  Request receive(int peer, Stream stream, void* data, size_t bytes) override {
    auto& waiting = receives_[{peer, stream}];
    waiting.push_back({++last_, data, bytes});
    return last_;
  }

  bool is_done(Request request) override {
    if (const auto sent = sends_.find(request); sent != sends_.end()) {
      if (sent->second > Clock::now()) return false;
      sends_.erase(sent);
      return true;
    }
    const std::lock_guard lock(world_->mutex);
    for (auto& [key, waiting] : receives_) {
      auto& came = world_->ranks[static_cast<size_t>(rank_)].data[key];
      while (!waiting.empty() && !came.empty() && came.front().there <= Clock::now()) {
        const Receive& receive = waiting.front();
        std::memcpy(receive.data, came.front().bytes.data(),
                    std::min(receive.bytes, came.front().bytes.size()));
        received_.push_back(receive.request);
        waiting.pop_front();
        came.pop_front();
      }
    }
    return std::erase(received_, request) > 0;
  }

  void give_up(Request request) override {
    sends_.erase(request);
    std::erase(received_, request);
    for (auto& [key, waiting] : receives_)
      std::erase_if(waiting, [&](const Receive& receive) { return receive.request == request; });
  }

  void close(bool) override {}
  void abort() override {}

 private:
  struct Receive {
    Request request;
    void* data;
    size_t bytes;
  };

  std::shared_ptr<LocalWorld> world_;
  int rank_;
  Request last_ = 0;
  Clock::time_point posted_until_ = {};
  std::map<Request, Clock::time_point> sends_;
  std::map<std::pair<int, Stream>, std::deque<Receive>> receives_;
  std::vector<Request> received_;
};

}  // namespace

std::vector<std::unique_ptr<Transport>> local_world(int ranks, Wire wire) {
  auto world = std::make_shared<LocalWorld>(wire);
  world->ranks.resize(static_cast<size_t>(ranks));
  std::vector<std::unique_ptr<Transport>> transports;
  for (int rank = 0; rank < ranks; ++rank)
    transports.push_back(std::make_unique<LocalTransport>(world, rank));
  return transports;
}

}  // namespace sinter::runtime
