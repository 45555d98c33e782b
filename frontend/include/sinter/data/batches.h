#pragma once

#include <sinter/data/rows.h>
#include <sinter/export.h>
#include <sinter/program.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace SINTER_EXPORT sinter {

// Which batch of which pass over the data.
struct BatchPosition {
  int64_t epoch = 0;
  int64_t batch = 0;

  auto operator<=>(const BatchPosition&) const = default;
};

struct Batch {
  Arrays arrays;     // [size,...] by the columns' names, and the weight of each row
  int64_t rows = 0;  // of the data; those after them are zeros, of weight 0
  BatchPosition position;
  DimSizes dims = {};  // of BatchOptions::dim and its bucket, for Program::function

  // Copies the arrays to the function's inputs. Throws Error where it has an input that is no array and not
  // among `others`, which are set elsewhere.
  void feed(Function& function, const std::set<std::string>& others = {}) const;
};

enum class Order {
  sequential,
  shuffled,  // all rows once in each epoch
  random     // drawn with replacement, in each epoch as many as there are
};

// Batches of rows of similar length, so that less is padding: each row goes to the first bucket that it fits,
// and a function is compiled once for each bucket's size.
struct Buckets {
  std::string lengths;               // the column with the length of each row, i32 []
  std::vector<std::string> columns;  // those that are cut to the bucket's size along the first axis of a row
  std::vector<int64_t> sizes;        // rising
  Dim dim = "time";                  // which is the bucket's size
};

struct BatchOptions {
  int64_t size = 32;            // rows
  std::optional<Dim> dim = {};  // the Dim that is `size`; not needed where compile gave it that size
  Order order = Order::sequential;
  uint64_t seed = 0;              // the order depends on it and the epoch alone
  bool drop_last = false;         // leave out the last batch (of each bucket) where it is not full
  std::string weight = "weight";  // f32[size], 1 for a row of the data and 0 for one that fills up; "": none
  // Changes a batch, which has its columns as they were read: augmentation, say. `seed` is another for each
  // batch of each epoch. Several threads call it at once.
  std::function<void(Batch& batch, uint64_t seed)> transform = nullptr;
  std::optional<Buckets> buckets = {};
  int threads = 1;    // that make batches while others are used; 0: who asks for a batch makes it
  int64_t ahead = 2;  // how many they make before they are asked for; at least 1
};

// Batches of rows, epoch after epoch without end. Which rows are in which batch does not depend on the number
// of threads, nor on what was asked for before. It belongs to one thread at a time.
//
//   Batches batches({{"image", open_idx("images")}, {"label", open_idx("labels")}},
//                   {.size = 64, .order = Order::shuffled, .seed = 1});
//   for (int64_t i = 0; i < batches.per_epoch(); ++i) {
//     batches.next().feed(step);
//     step.run();
//   }
//
// It keeps nothing in memory that grows with the number of rows, except with buckets: 8 bytes a row.
class Batches {
 public:
  using Columns = std::vector<std::pair<std::string, Rows>>;

  // Throws Error where the columns differ in their number of rows, or there are too few for one batch.
  explicit Batches(Columns columns, BatchOptions options = {});
  Batches(Batches&&) noexcept;
  Batches& operator=(Batches&&) noexcept;
  ~Batches();

  int64_t rows() const;
  int64_t per_epoch() const;  // batches

  // Rethrows what reading it or the transform threw; the position then stays where it is.
  Batch next();
  BatchPosition position() const;  // of the next one
  void seek(BatchPosition position);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sinter
