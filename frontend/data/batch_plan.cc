#include "frontend/data/batch_plan.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>
#include <utility>

#include "frontend/data/permutation.h"
#include "runtime/random.h"

namespace sinter {
namespace {

// What random numbers of an epoch are for.
constexpr uint32_t kRowsKey = 0x726f7773;     // "rows", one more for each bucket
constexpr uint32_t kBatchesKey = 0x62617463;  // "batc"

runtime::RandomStream stream(uint64_t seed, int64_t epoch, uint32_t key) {
  return {seed, static_cast<uint32_t>(epoch), key};
}

}  // namespace

BatchPlan::BatchPlan(int64_t rows, const Rows* lengths, const BatchOptions& options) : options_(options) {
  if (lengths == nullptr) {
    buckets_.push_back({0, rows, {}});
  } else {
    const std::vector<int64_t>& sizes = options.buckets->sizes;
    for (const int64_t size : sizes) buckets_.push_back({size, 0, {}});
    constexpr int64_t kPiece = 1 << 16;  // rows
    for (int64_t first = 0; first < rows; first += kPiece) {
      const Array piece = lengths->read(first, std::min(kPiece, rows - first));
      for (int64_t i = 0; i < piece.size(); ++i) {
        const int32_t length = piece.values<int32_t>()[i];
        const auto fits = std::lower_bound(sizes.begin(), sizes.end(), length);
        if (length < 0 || fits == sizes.end()) {
          throw Error(fmt::format("Batches: row {} is {} long, the largest bucket {}", first + i, length,
                                  sizes.back()));
        }
        buckets_[static_cast<size_t>(fits - sizes.begin())].rows.push_back(first + i);
      }
    }
    for (Bucket& bucket : buckets_) bucket.count = static_cast<int64_t>(bucket.rows.size());
  }
  for (size_t i = 1; i < buckets_.size(); ++i)
    buckets_[i].first_batch = buckets_[i - 1].first_batch + batches_in(buckets_[i - 1]);
  if (per_epoch() == 0) {
    throw Error(fmt::format("Batches: {} rows make no {}batch of {}", rows, options.drop_last ? "full " : "",
                            options.size));
  }
}

int64_t BatchPlan::batches_in(const Bucket& bucket) const {
  const int64_t over = bucket.count % options_.size;
  return bucket.count / options_.size + (over > 0 && !options_.drop_last ? 1 : 0);
}

int64_t BatchPlan::row(const Bucket& bucket, int64_t epoch, int64_t place) const {
  const auto index = static_cast<uint32_t>(&bucket - buckets_.data());
  const runtime::RandomStream key = stream(options_.seed, epoch, kRowsKey + index);
  if (options_.order == Order::random) {
    // The bias is below count / 2^53.
    const double share = uniform_f64(random_bits(key, static_cast<uint64_t>(place)));
    place = std::min(static_cast<int64_t>(share * static_cast<double>(bucket.count)), bucket.count - 1);
  } else if (options_.order == Order::shuffled) {
    place = static_cast<int64_t>(
        Permutation(static_cast<uint64_t>(bucket.count), key)(static_cast<uint64_t>(place)));
  }
  return bucket.rows.empty() ? place : bucket.rows[static_cast<size_t>(place)];
}

BatchPlan::Chosen BatchPlan::rows_of(BatchPosition position) const {
  int64_t batch = position.batch;
  if (buckets_.size() > 1 && options_.order != Order::sequential) {
    const Permutation order(static_cast<uint64_t>(per_epoch()),
                            stream(options_.seed, position.epoch, kBatchesKey));
    batch = static_cast<int64_t>(order(static_cast<uint64_t>(batch)));
  }
  const auto after = std::upper_bound(buckets_.begin(), buckets_.end(), batch,
                                      [](int64_t b, const Bucket& bucket) { return b < bucket.first_batch; });
  const Bucket& bucket = *(after - 1);
  const int64_t first = (batch - bucket.first_batch) * options_.size;
  Chosen chosen{{}, bucket.size};
  const int64_t end = options_.order == Order::random ? first + options_.size : bucket.count;
  for (int64_t place = first; place < std::min(first + options_.size, end); ++place)
    chosen.rows.push_back(row(bucket, position.epoch, place));
  return chosen;
}

}  // namespace sinter
