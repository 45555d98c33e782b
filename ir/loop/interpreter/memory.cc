#include "ir/loop/interpreter/memory.h"

#include <algorithm>
#include <cstring>

namespace sinter::loop::interpreter {
namespace {

template <typename T>
T read_as(const std::byte* data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <typename T>
void write_as(std::byte* data, int64_t index, T value) {
  std::memcpy(data + index * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

}  // namespace

Scalar read_element(const std::byte* data, Type type, int64_t index) {
  switch (type) {
    case Type::boolean:
      return {.integer = read_as<uint8_t>(data, index) != 0};
    case Type::i32:
      return {.integer = read_as<int32_t>(data, index)};
    case Type::f32:
      return {.number = read_as<float>(data, index)};
    case Type::f64:
      return {.number = read_as<double>(data, index)};
    case Type::i64:
    case Type::index:
      break;
  }
  return {.integer = read_as<int64_t>(data, index)};
}

void write_element(std::byte* data, Type type, int64_t index, Scalar value) {
  switch (type) {
    case Type::boolean:
      return write_as(data, index, static_cast<uint8_t>(value.integer));
    case Type::i32:
      return write_as(data, index, static_cast<int32_t>(value.integer));
    case Type::f32:
      return write_as(data, index, static_cast<float>(value.number));
    case Type::f64:
      return write_as(data, index, value.number);
    case Type::i64:
    case Type::index:
      return write_as(data, index, value.integer);
  }
}

void poison(std::byte* data, Type type, int64_t elements) {
  std::memset(data, is_floating(type) ? 0xff : 0xa5, static_cast<size_t>(elements * size_in_bytes(type)));
}

AccessLog::Entry& AccessLog::entry(int64_t element) {
  const auto at = static_cast<size_t>(element);
  if (at >= entries_.size()) entries_.resize(2 * at + 1);
  Entry& entry = entries_[at];
  if (entry.epoch != epoch_) entry = {.epoch = epoch_};
  return entry;
}

bool AccessLog::is_of_others(const Entry& e, int64_t agent) const {
  return e.owner != kNobody && e.owner != group_of(agent);
}

bool AccessLog::read(int64_t element, int64_t agent) {
  Entry& e = entry(element);
  const bool is_first = e.first_reader == kNobody;
  e.first_reader = is_first ? agent : std::min(e.first_reader, agent);
  e.last_reader = is_first ? agent : std::max(e.last_reader, agent);
  if (e.owner_has_written && is_of_others(e, agent)) return false;
  return e.writer == kNobody || e.writer == agent || e.writer == kEveryone;
}

bool AccessLog::write(int64_t element, int64_t agent) {
  Entry& e = entry(element);
  const bool alone = (e.writer == kNobody || e.writer == agent) && !e.is_read_by_others(agent);
  e.writer = agent;
  return alone && !is_of_others(e, agent);
}

void AccessLog::synchronize_groups(int64_t size) {
  group_size_ = size;
  for (Entry& e : entries_) {
    if (e.epoch != epoch_) continue;
    int64_t owner = e.owner;
    bool is_of_one = true;
    for (const int64_t agent : {e.writer, e.first_reader, e.last_reader}) {
      if (agent == kNobody) continue;
      is_of_one = is_of_one && agent != kEveryone && (owner == kNobody || owner == group_of(agent));
      owner = group_of(agent);
    }
    if (!is_of_one) continue;
    const bool is_written = e.owner_has_written || e.writer != kNobody;
    e = {.owner = owner, .owner_has_written = is_written, .epoch = epoch_};
  }
}

}  // namespace sinter::loop::interpreter
