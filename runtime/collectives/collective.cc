#include "runtime/collectives/collective.h"

#include <algorithm>
#include <string_view>

#include "runtime/collectives/tree.h"
#include "runtime/file.h"

namespace sinter::runtime {
namespace {

constexpr int64_t kMostInHead = 16 << 10;  // bytes of a rank's pieces
constexpr int64_t kBlock = 256 << 10;      // bytes of a message

int64_t most_pieces(const Collective& collective, int ranks) {
  if (collective.kind == Collective::Kind::all_gather) return 1;
  int64_t most = 1;
  for (int rank = 0; rank < ranks; ++rank)
    most = std::max(most, leaves_of(collective.leaves, ranks, rank).pieces());
  return most;
}

// Adds ranges to the blocks of an owner, of at most so many bytes each.
class Blocks {
 public:
  Blocks(std::vector<Layout::Block>& blocks, int64_t most)
      : blocks_(blocks), most_(static_cast<size_t>(most)) {}

  void add(size_t part, DType dtype, int64_t begin, int64_t end) {
    const size_t size = size_in_bytes(dtype);
    while (begin < end) {
      if (blocks_.empty() || blocks_.back().bytes + size > most_) blocks_.push_back({});
      Layout::Block& block = blocks_.back();
      const int64_t fit = static_cast<int64_t>((most_ - block.bytes) / size);
      const int64_t count = std::min(fit, end - begin);
      block.ranges.push_back({part, begin, begin + count});
      block.bytes += static_cast<size_t>(count) * size;
      begin += count;
    }
  }

 private:
  std::vector<Layout::Block>& blocks_;
  size_t most_;
};

template <typename T>
void hash_in(uint64_t& hash, const T& value) {
  hash = checksum({reinterpret_cast<const char*>(&value), sizeof(T)}, hash);
}

}  // namespace

uint64_t hash_of(const Collective& collective) {
  uint64_t hash = checksum({});
  hash_in(hash, collective.kind);
  hash_in(hash, collective.fold);
  hash_in(hash, collective.leaves);
  hash_in(hash, collective.mode);
  for (const Collective::Part& part : collective.parts) {
    hash_in(hash, part.dtype);
    hash_in(hash, part.elements);
    hash_in(hash, part.owner);
  }
  return hash;
}

Layout layout_of(const Collective& collective, int ranks) {
  using Kind = Collective::Kind;
  Layout layout;
  layout.blocks.resize(static_cast<size_t>(ranks));
  int64_t bytes = 0;
  for (const auto& part : collective.parts)
    bytes += part.elements * static_cast<int64_t>(size_in_bytes(part.dtype));
  const int64_t pieces = most_pieces(collective, ranks);
  layout.in_heads = bytes * pieces <= kMostInHead;
  layout.folds = collective.kind != Kind::all_gather;
  layout.spreads =
      collective.kind == Kind::all_gather || (collective.kind == Kind::all_reduce && !layout.in_heads);
  const int64_t most = std::max<int64_t>(kBlock / pieces, 4096);
  for (int rank = 0; rank < ranks; ++rank) {
    Blocks blocks(layout.blocks[static_cast<size_t>(rank)], most);
    int64_t offset = 0;  // of the part, in bytes
    for (size_t i = 0; i < collective.parts.size(); ++i) {
      const Collective::Part& part = collective.parts[i];
      if (collective.kind != Kind::all_reduce) {
        if (part.owner == rank) blocks.add(i, part.dtype, 0, part.elements);
        continue;
      }
      if (layout.in_heads) {
        blocks.add(i, part.dtype, 0, part.elements);
        continue;
      }
      const int64_t size = static_cast<int64_t>(size_in_bytes(part.dtype));
      const auto cut = [&](int64_t at) {
        return std::clamp<int64_t>((at - offset) / size, 0, part.elements);
      };
      blocks.add(i, part.dtype, cut(bytes * rank / ranks), cut(bytes * (rank + 1) / ranks));
      offset += part.elements * size;
    }
  }
  return layout;
}

namespace {

// What `of_result` and `of_pieces` say of the blocks that a rank sends to one other, added up.
template <typename OfResult, typename OfPieces>
int64_t sum_of_sent(const Layout& layout, int ranks, int rank, OfResult of_result, OfPieces of_pieces) {
  int64_t sum = 0;
  for (int owner = 0; owner < ranks; ++owner) {
    for (const Layout::Block& block : layout.blocks[static_cast<size_t>(owner)]) {
      if (owner == rank) {
        if (layout.spreads) sum += of_result(block) * (ranks - 1);
      } else if (layout.folds) {
        sum += of_pieces(block);
      }
    }
  }
  return sum;
}

}  // namespace

int64_t bytes_sent(const Collective& collective, int ranks, int rank) {
  const int64_t pieces = leaves_of(collective.leaves, ranks, rank).pieces();
  const auto bytes = [](const Layout::Block& block) { return static_cast<int64_t>(block.bytes); };
  return sum_of_sent(layout_of(collective, ranks), ranks, rank, bytes,
                     [&](const Layout::Block& block) { return bytes(block) * pieces; });
}

int64_t messages_sent(const Collective& collective, int ranks, int rank) {
  const Layout layout = layout_of(collective, ranks);
  const auto one = [](const Layout::Block&) -> int64_t { return 1; };
  return ranks - 1 + (layout.in_heads ? 0 : sum_of_sent(layout, ranks, rank, one, one));
}

}  // namespace sinter::runtime
