#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/loop/scalar.h"

namespace sinter::loop::interpreter {

// Elements in host memory.
Scalar read_element(const std::byte* data, Type type, int64_t index);
void write_element(std::byte* data, Type type, int64_t index, Scalar value);
// NaN, and for integers a value that no index has.
void poison(std::byte* data, Type type, int64_t elements);

// Who touched the elements of a buffer since the last barrier. An agent is an iteration of the parallel loop,
// a workgroup, or a lane in one; kEveryone is all lanes together.
class AccessLog {
 public:
  static constexpr int64_t kEveryone = -1;

  // False where it races with another agent.
  bool read(int64_t element, int64_t agent);
  bool write(int64_t element, int64_t agent);
  void synchronize() { ++epoch_; }
  // Agents 0 .. size - 1, the next ones, and so on: what only agents of one group have touched is theirs
  // until all are synchronized.
  void synchronize_groups(int64_t size);

 private:
  static constexpr int64_t kNobody = -2;

  struct Entry {
    int64_t writer = kNobody;
    int64_t first_reader = kNobody, last_reader = kNobody;  // the lowest and the highest
    int64_t owner = kNobody;  // the group that has touched it before they last waited for one another,
    bool owner_has_written = false;
    uint64_t epoch = 0;

    bool is_read_by_others(int64_t agent) const {
      return first_reader != kNobody && (first_reader != agent || last_reader != agent);
    }
  };

  Entry& entry(int64_t element);
  // Whether the element belongs to a group that the agent is not of.
  bool is_of_others(const Entry& e, int64_t agent) const;
  int64_t group_of(int64_t agent) const { return agent < 0 ? agent : agent / group_size_; }

  std::vector<Entry> entries_;
  int64_t group_size_ = 1;
  uint64_t epoch_ = 1;
};

}  // namespace sinter::loop::interpreter
