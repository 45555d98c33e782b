#pragma once

#include <sinter/data/batches.h>

#include <cstdint>
#include <vector>

namespace sinter {

// Which rows are in which batch, by the position of the batch alone.
class BatchPlan {
 public:
  // `lengths` are read once, where there are buckets. Throws Error where there is no batch.
  BatchPlan(int64_t rows, const Rows* lengths, const BatchOptions& options);

  int64_t per_epoch() const { return buckets_.back().first_batch + batches_in(buckets_.back()); }

  struct Chosen {
    std::vector<int64_t> rows;  // at most as many as a batch has
    int64_t bucket_size = 0;    // 0: there are no buckets
  };
  Chosen rows_of(BatchPosition position) const;

 private:
  struct Bucket {
    int64_t size;               // 0: of all lengths
    int64_t count;              // of its rows
    std::vector<int64_t> rows;  // which they are; where there are no buckets, all
    int64_t first_batch = 0;    // before batches are shuffled
  };
  int64_t batches_in(const Bucket& bucket) const;
  int64_t row(const Bucket& bucket, int64_t epoch, int64_t place) const;

  BatchOptions options_;
  std::vector<Bucket> buckets_;
};

}  // namespace sinter
