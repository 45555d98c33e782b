#include "runtime/collectives/local_world.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace sinter::runtime {
namespace {

using Clock = std::chrono::steady_clock;

enum class LocalKind : uint8_t { post, pieces, results };

struct LocalMessage {
  int from;
  LocalKind kind;
  std::string bytes;
  Clock::duration lasts;  // on the wire
  Clock::time_point there = {};
};

// What has been sent to a rank.
struct LocalRank {
  std::multimap<Clock::time_point, LocalMessage> under_way = {};  // by when it is there, if the wire is free
  std::map<std::pair<int, LocalKind>, std::deque<LocalMessage>> come = {};
  std::deque<int> posted = {};                    // from whom posts have come, in order
  Clock::time_point out_free = {}, in_free = {};  // when its wire is
};

struct LocalWorld {
  Wire wire;
  std::mutex mutex = {};
  std::vector<LocalRank> ranks = {};

  static Clock::duration ticks(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  // When it has left.
  Clock::time_point send(int from, int to, LocalKind kind, std::string_view bytes) {
    const Clock::duration lasts = wire.bytes_per_second > 0
                                      ? ticks(static_cast<double>(bytes.size()) / wire.bytes_per_second)
                                      : ticks(0);
    Clock::time_point& out = ranks[static_cast<size_t>(from)].out_free;
    out = std::max(out, Clock::now()) + lasts;
    ranks[static_cast<size_t>(to)].under_way.emplace(out + ticks(wire.latency),
                                                     LocalMessage{from, kind, std::string(bytes), lasts});
    return out;
  }

  // What is there by now; those that come at once wait for one another. Nobody can send any more what is
  // there earlier.
  LocalRank& at(int rank) {
    LocalRank& to = ranks[static_cast<size_t>(rank)];
    const Clock::time_point now = Clock::now();
    while (!to.under_way.empty() && to.under_way.begin()->first <= now) {
      LocalMessage message = std::move(to.under_way.begin()->second);
      message.there = std::max(to.under_way.begin()->first, to.in_free + message.lasts);
      to.in_free = message.there;
      to.under_way.erase(to.under_way.begin());
      if (message.kind == LocalKind::post) to.posted.push_back(message.from);
      const std::pair key(message.from, message.kind);
      to.come[key].push_back(std::move(message));
    }
    return to;
  }
};

LocalKind kind_of(Transport::Stream stream) {
  return stream == Transport::Stream::pieces ? LocalKind::pieces : LocalKind::results;
}

class LocalTransport : public Transport {
 public:
  LocalTransport(std::shared_ptr<LocalWorld> world, int rank) : world_(std::move(world)), rank_(rank) {}

  void open() override {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(world_->ranks.size()); }

  void post(int peer, std::string_view bytes) override {
    const std::lock_guard lock(world_->mutex);
    posted_until_ = world_->send(rank_, peer, LocalKind::post, bytes);
  }

  std::optional<Post> take_post() override {
    const std::lock_guard lock(world_->mutex);
    LocalRank& own = world_->at(rank_);
    if (own.posted.empty()) return std::nullopt;
    auto& posts = own.come[{own.posted.front(), LocalKind::post}];
    if (posts.front().there > Clock::now()) return std::nullopt;
    Post post{posts.front().from, std::move(posts.front().bytes)};
    posts.pop_front();
    own.posted.pop_front();
    return post;
  }

  bool has_posted_all() override { return posted_until_ <= Clock::now(); }

  Request send(int peer, Stream stream, const void* data, size_t bytes) override {
    const std::lock_guard lock(world_->mutex);
    sends_[++last_] = world_->send(rank_, peer, kind_of(stream), {static_cast<const char*>(data), bytes});
    return last_;
  }

  Request receive(int peer, Stream stream, void* data, size_t bytes) override {
    auto& waiting = receives_[{peer, kind_of(stream)}];
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
    LocalRank& own = world_->at(rank_);
    for (auto& [key, waiting] : receives_) {
      auto& came = own.come[key];
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
  std::map<std::pair<int, LocalKind>, std::deque<Receive>> receives_;
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
