#include "passes/place/arena.h"

#include <algorithm>
#include <numeric>

#include "ir/integers.h"

namespace sinter::passes {

int64_t plan_arena(std::vector<Lifetime>& values, int64_t alignment) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a].bytes > values[b].bytes; });
  std::vector<const Lifetime*> placed;  // by offset
  int64_t size = 0;
  for (size_t i : order) {
    Lifetime& value = values[i];
    const int64_t bytes = round_up(value.bytes, alignment);
    int64_t offset = 0;
    for (const Lifetime* other : placed) {
      if (other->last < value.first || other->first > value.last) continue;
      if (other->offset >= offset + bytes) break;
      const int64_t end = other->offset + round_up(other->bytes, alignment);
      offset = std::max(offset, end);
    }
    value.offset = offset;
    size = std::max(size, offset + bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), &value,
                         [](const Lifetime* a, const Lifetime* b) { return a->offset < b->offset; }),
        &value);
  }
  return size;
}

}  // namespace sinter::passes
