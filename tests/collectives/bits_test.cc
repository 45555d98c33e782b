// Results are those of one rank, by bytes, however many ranks share the leaves.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "runtime/collectives/communicator.h"
#include "runtime/collectives/tree.h"
#include "tests/collectives/world.h"

namespace sinter::runtime {
namespace {

using Kind = Collective::Kind;
using testing::Each;

using Bytes = std::vector<char>;

// A number whose sums depend on their order; and zeros of both signs, infinities, NaN.
template <typename T>
T drawn(std::mt19937& random) {
  if constexpr (std::is_floating_point_v<T>) {
    using Limits = std::numeric_limits<T>;
    switch (random() % 16) {
      case 0:
      case 1:
        return -T{0};
      case 2:
        return random() % 16 == 0 ? Limits::infinity() : T{0};
      case 3:
        return random() % 16 == 0 ? -Limits::infinity() : Limits::denorm_min();
      case 4:
        return random() % 32 == 0 ? -Limits::quiet_NaN() : T{1};
      default:
        return std::ldexp(static_cast<T>(static_cast<int32_t>(random())),
                          static_cast<int>(random() % 40) - 50);
    }
  } else if constexpr (std::is_same_v<T, uint8_t>) {
    return random() % 2;
  } else {
    return static_cast<T>(random() * uint64_t{0x9e3779b97f4a7c15});
  }
}

template <typename T>
Bytes drawn_bytes(int64_t count, std::mt19937& random) {
  Bytes bytes(static_cast<size_t>(count) * sizeof(T));
  for (int64_t i = 0; i < count; ++i) {
    const T value = drawn<T>(random);
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(T), &value, sizeof value);
  }
  return bytes;
}

Bytes drawn_bytes(DType type, int64_t count, std::mt19937& random) {
  switch (type) {
    case DType::f32:
      return drawn_bytes<float>(count, random);
    case DType::f64:
      return drawn_bytes<double>(count, random);
    case DType::i64:
      return drawn_bytes<int64_t>(count, random);
    case DType::i32:
      return drawn_bytes<int32_t>(count, random);
    case DType::boolean:
      return drawn_bytes<uint8_t>(count, random);
    default:
      return drawn_bytes<uint8_t>(2 * count, random);
  }
}

// Leaves of a part, one after the other, as a rank has them: added where they are one piece.
Bytes pieces_of(const Collective& collective, size_t part, const Bytes& leaves, int ranks, int rank) {
  const auto& [dtype, elements, owner] = collective.parts[part];
  const size_t leaf = static_cast<size_t>(elements) * size_in_bytes(dtype);
  const Leaves own = leaves_of(collective.leaves, ranks, rank);
  const char* begin = leaves.data() + static_cast<size_t>(own.first) * leaf;
  if (!own.is_one) return {begin, begin + static_cast<size_t>(own.count) * leaf};
  // The first children of a node: they are added as in the tree of so many leaves of which the node is the
  // whole.
  Bytes sum(leaf);
  std::vector<const void*> pieces;
  for (int64_t i = 0; i < own.count; ++i) pieces.push_back(begin + static_cast<size_t>(i) * leaf);
  std::vector<int64_t> additions;
  int64_t child = 1;
  for (const int64_t children : levels_of(collective.leaves)) {
    if (own.count % child == 0 && own.count <= child * children) break;
    child *= children;
  }
  for (int64_t i = 0; i < own.count / child; ++i) {
    for (const int64_t addition : additions_of(child, static_cast<int>(child)))
      additions.push_back(addition == kAdd ? kAdd : addition + i * child);
    if (i > 0) additions.push_back(kAdd);
  }
  fold_pieces(dtype, collective.fold, elements, additions, pieces, sum.data(), collective.mode);
  return sum;
}

// The results of a collective on all ranks, by rank and part. leaves[i]: all leaves of part i.
std::vector<std::vector<Bytes>> results_of(const Collective& collective, const std::vector<Bytes>& leaves,
                                           int ranks) {
  std::vector<std::vector<Bytes>> all(static_cast<size_t>(ranks));
  const auto thrown = on_all_ranks(ranks, [&](Communicator& communicator) {
    std::vector<Bytes> operands, &results = all[static_cast<size_t>(communicator.rank())];
    std::vector<const void*> from;
    std::vector<void*> to;
    for (size_t i = 0; i < collective.parts.size(); ++i) {
      const auto& [dtype, elements, owner] = collective.parts[i];
      const bool is_own = owner == communicator.rank();
      const bool gives = collective.kind != Kind::all_gather || is_own;
      const bool gets = collective.kind != Kind::reduce_scatter || is_own;
      operands.push_back(!gives ? Bytes()
                         : collective.kind == Kind::all_gather
                             ? leaves[i]
                             : pieces_of(collective, i, leaves[i], ranks, communicator.rank()));
      results.push_back(gets ? Bytes(static_cast<size_t>(elements) * size_in_bytes(dtype)) : Bytes());
    }
    for (size_t i = 0; i < operands.size(); ++i) {
      from.push_back(operands[i].empty() ? nullptr : operands[i].data());
      to.push_back(results[i].empty() ? nullptr : results[i].data());
    }
    communicator.end(communicator.begin(collective, from, to, {}, {}));
  });
  EXPECT_THAT(thrown, Each(""));
  return all;
}

std::vector<Bytes> leaves_for(const Collective& collective, std::mt19937& random) {
  std::vector<Bytes> leaves;
  for (const auto& [dtype, elements, owner] : collective.parts)
    leaves.push_back(
        drawn_bytes(dtype, elements * (collective.kind == Kind::all_gather ? 1 : collective.leaves), random));
  return leaves;
}

TEST(Bits, AreThoseOfOneRank) {
  std::mt19937 random(1);
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::boolean}) {
    for (const Fold fold : {Fold::sum, Fold::max, Fold::min}) {
      // All folds are tried in f32; of the other types sums, and of bool "or".
      if (dtype != DType::f32 && fold != (dtype == DType::boolean ? Fold::max : Fold::sum)) continue;
      for (int64_t leaves = 1; leaves <= 12; ++leaves) {
        const Collective collective{Kind::all_reduce, fold, leaves, {{dtype, 300}}};
        const std::vector<Bytes> all = leaves_for(collective, random);
        const Bytes one = results_of(collective, all, 1)[0][0];
        for (int ranks = 2; ranks <= leaves; ++ranks) {
          for (const auto& results : results_of(collective, all, ranks))
            EXPECT_EQ(results[0], one) << name(dtype) << " " << leaves << " leaves on " << ranks;
        }
      }
    }
  }
}

// Of many sizes, small and large, through heads and through blocks.
TEST(Bits, AreThoseOfOneRankForPartsOfAllSizes) {
  std::mt19937 random(2);
  for (const Kind kind : {Kind::all_reduce, Kind::reduce_scatter, Kind::all_gather}) {
    for (const int64_t leaves : {1, 4, 6, 7}) {
      for (int ranks = 2; ranks <= std::max<int64_t>(leaves, 3); ++ranks) {
        for (const int64_t scale : {1, 3000}) {
          if (kind != Kind::all_gather && ranks > leaves) continue;
          Collective collective{kind, Fold::sum, leaves, {}};
          const DType types[] = {DType::f32, DType::f64, DType::i32, DType::i64};
          for (const int64_t elements : {3, 0, 1, 17, 1, 101, 0, 2, 64, 33})
            collective.parts.push_back(
                {types[random() % 4], elements * scale, static_cast<int>(random() % ranks)});
          if (kind == Kind::all_gather) collective.parts.push_back({DType::bf16, 11 * scale, 1});
          const std::vector<Bytes> all = leaves_for(collective, random);
          Collective alone = collective;
          for (auto& part : alone.parts) part.owner = 0;
          const std::vector<Bytes> one = results_of(alone, all, 1)[0];
          const auto results = results_of(collective, all, ranks);
          for (int rank = 0; rank < ranks; ++rank) {
            for (size_t i = 0; i < one.size(); ++i) {
              const bool gets = kind != Kind::reduce_scatter || collective.parts[i].owner == rank;
              EXPECT_EQ(results[static_cast<size_t>(rank)][i], gets ? one[i] : Bytes())
                  << "part " << i << " of rank " << rank << " of " << ranks << ", " << leaves << " leaves, x"
                  << scale;
            }
          }
        }
      }
    }
  }
}

TEST(Bits, AreThoseOfTheTreeByHand) {
  const Collective collective{Kind::all_reduce, Fold::sum, 3, {{DType::f32, 3}}};
  std::vector<float> leaves = {1e8f, -0.0f, 1, 1, -0.0f, INFINITY, -1e8f, -0.0f, -INFINITY};
  Bytes bytes(leaves.size() * 4);
  std::memcpy(bytes.data(), leaves.data(), bytes.size());
  for (const auto& results : results_of(collective, {bytes}, 3)) {
    uint32_t words[3];
    std::memcpy(words, results[0].data(), sizeof words);
    EXPECT_THAT(words, testing::ElementsAre(0u, 0u, 0x7fc00000u));
  }
}

TEST(Bits, AreOfTheDevicesMode) {
  for (const FloatMode mode : {kFlushDenormals, kKeepDenormals}) {
    Collective collective{Kind::all_reduce, Fold::sum, 2, {{DType::f32, 1}}};
    collective.mode = mode;
    const float leaves[] = {1e-40f, 1e-40f};
    Bytes bytes(sizeof leaves);
    std::memcpy(bytes.data(), leaves, sizeof leaves);
    const auto results = results_of(collective, {bytes}, 2);
    float sum;
    std::memcpy(&sum, results[1][0].data(), sizeof sum);
    EXPECT_EQ(std::signbit(sum), false);
    EXPECT_EQ(std::fpclassify(sum), mode == kKeepDenormals ? FP_SUBNORMAL : FP_ZERO);
  }
}

TEST(Bits, MayReplaceWhatTheyAreMadeOf) {
  constexpr int64_t kElements = 500'001;
  const Collective collective{Kind::all_reduce, Fold::sum, 4, {{DType::f32, kElements}}};
  const auto thrown = on_all_ranks(4, [&](Communicator& communicator) {
    std::vector<float> values(kElements);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000 + communicator.rank());
    const void* from = values.data();
    void* to = values.data();
    communicator.end(communicator.begin(collective, {&from, 1}, {&to, 1}, {}, {}));
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i], static_cast<float>(4 * (i % 1000) + 6)) << i;
  });
  EXPECT_THAT(thrown, Each(""));
}

TEST(BytesSent, AreThoseOfTheDataThatTravels) {
  // Half of each other's pieces, then half of the results.
  const Collective large{Kind::all_reduce, Fold::sum, 2, {{DType::f32, 100'000}}};
  EXPECT_EQ(bytes_sent(large, 2, 0), 400'000);
  EXPECT_EQ(bytes_sent(large, 1, 0), 0);
  // 3 leaves on 2 ranks: the second has two that are added in order.
  EXPECT_EQ(bytes_sent({Kind::all_reduce, Fold::sum, 3, {{DType::f32, 100'000}}}, 2, 1), 600'000);
  EXPECT_EQ(bytes_sent({Kind::all_reduce, Fold::sum, 3, {{DType::f32, 10}}}, 3, 1), 80);
  EXPECT_EQ(bytes_sent({Kind::all_gather, Fold::sum, 1, {{DType::f16, 10, 1}, {DType::f16, 5, 0}}}, 3, 1),
            40);
  EXPECT_EQ(bytes_sent({Kind::reduce_scatter, Fold::sum, 3, {{DType::i64, 10, 1}, {DType::i64, 5, 0}}}, 3, 1),
            40);
}

TEST(MessagesSent, AreHeadsAndBlocks) {
  const Collective large{Kind::all_reduce, Fold::sum, 2, {{DType::f32, 100'000}}};
  EXPECT_EQ(messages_sent(large, 1, 0), 0);
  EXPECT_EQ(messages_sent(large, 2, 0), 3);
  // Of two pieces, which take two blocks.
  EXPECT_EQ(messages_sent({Kind::all_reduce, Fold::sum, 3, {{DType::f32, 100'000}}}, 2, 1), 5);
  EXPECT_EQ(messages_sent({Kind::all_reduce, Fold::sum, 3, {{DType::f32, 10}}}, 3, 1), 2);
}

}  // namespace
}  // namespace sinter::runtime
