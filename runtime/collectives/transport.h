#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sinter::runtime {

// Carries bytes between the ranks of a world. One thread makes all calls, from `open` to `close` or `abort`;
// none waits but these three.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual void open() = 0;  // the first call; throws RuntimeError
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Posts are small, and copied. Those from one rank to another arrive in order.
  struct Post {
    int from;
    std::string bytes;
  };
  virtual void post(int peer, std::string_view bytes) = 0;
  virtual std::optional<Post> take_post() = 0;
  virtual bool has_posted_all() = 0;  // whether what was posted has left

  // Data lies in the caller's memory, and stays, until is_done says so, which ends the request. What is sent
  // to a rank is received there in the order of sends, by stream, in memory of just that size.
  enum class Stream : uint8_t { pieces, results };
  using Request = uint64_t;
  virtual Request send(int peer, Stream stream, const void* data, size_t bytes) = 0;
  virtual Request receive(int peer, Stream stream, void* data, size_t bytes) = 0;
  virtual bool is_done(Request request) = 0;
  virtual void give_up(
      Request request) = 0;  // its memory is not touched any more; others may be lost with it

  // When all ranks have said that they close. A process whose program does not know of a failure ends with
  // it; where ranks are threads, no process ends.
  virtual void close(bool ends_process) = 0;
  virtual void abort() = 0;  // ends the processes of all ranks
};

}  // namespace sinter::runtime
