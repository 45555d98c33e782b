#include <fmt/format.h>
#include <sinter/data/batches.h>
#include <sinter/error.h>

#include <algorithm>
#include <cstring>

#include "frontend/base/names.h"
#include "frontend/data/batch_plan.h"
#include "frontend/data/prefetch.h"
#include "runtime/random.h"
#include "runtime/tensor.h"

namespace sinter {
namespace {

constexpr uint32_t kTransformKey = 0x7472616e;  // "tran"

// Throws Error where the options make no sense with the columns; gives the lengths of the buckets.
const Rows* check_columns(const Batches::Columns& columns, const BatchOptions& options) {
  const auto fail = [](const std::string& what) -> void { throw Error("Batches: " + what); };
  const auto column = [&](const std::string& name) -> const Rows& {
    std::vector<std::string> names;
    for (const auto& [known, rows] : columns) {
      if (known == name) return rows;
      names.push_back(known);
    }
    throw Error(fmt::format("Batches: no column is called '{}', only {}", name, quoted_list(names)));
  };
  if (columns.empty()) fail("there are no columns");
  std::set<std::string> names;
  if (!options.weight.empty()) names.insert(options.weight);
  for (const auto& [name, rows] : columns) {
    if (!names.insert(name).second) fail(fmt::format("two columns are called '{}'", name));
    if (rows.size() == columns[0].second.size()) continue;
    fail(fmt::format("column '{}' has {} rows, '{}' has {}", columns[0].first, columns[0].second.size(), name,
                     rows.size()));
  }
  if (options.size < 1) fail(fmt::format("size must be at least 1, got {}", options.size));
  if (options.threads < 0) fail(fmt::format("threads must not be negative, got {}", options.threads));
  if (options.ahead < 1) fail(fmt::format("ahead must be at least 1, got {}", options.ahead));
  if (!options.buckets) return nullptr;

  const Buckets& buckets = *options.buckets;
  const bool rise = std::adjacent_find(buckets.sizes.begin(), buckets.sizes.end(), std::greater_equal<>()) ==
                    buckets.sizes.end();
  if (buckets.sizes.empty() || buckets.sizes[0] < 1 || !rise)
    fail("sizes of buckets rise, and are at least 1");
  for (const std::string& name : buckets.columns) {
    const Rows& rows = column(name);
    if (rows.shape().empty()) fail(fmt::format("column '{}' has no axis to cut", name));
  }
  const Rows& lengths = column(buckets.lengths);
  if (lengths.dtype() != i32 || !lengths.shape().empty()) {
    fail(fmt::format("lengths are i32[], column '{}' is {}", buckets.lengths,
                     to_string(lengths.dtype(), lengths.shape())));
  }
  return &lengths;
}

// The chosen rows, each cut or filled up to `row_bytes`, and zeros up to `size` of them.
Array gathered(const Rows& from, Shape shape, const std::vector<int64_t>& chosen, int64_t size) {
  shape.insert(shape.begin(), size);
  Array array(from.dtype(), std::move(shape));
  runtime::HostTensor host = array.host();
  const size_t row_bytes = host.bytes() / static_cast<size_t>(size);
  std::span<std::byte> rest(static_cast<std::byte*>(host.raw()), host.bytes());
  std::vector<std::byte> whole(row_bytes == from.row_bytes() ? 0 : from.row_bytes());
  for (size_t i = 0; i < chosen.size();) {
    size_t end = i + 1;  // of rows that lie one after the other
    if (whole.empty()) {
      while (end < chosen.size() && chosen[end] == chosen[end - 1] + 1) ++end;
      from.read(chosen[i], static_cast<int64_t>(end - i), rest.first((end - i) * row_bytes));
    } else {
      from.read(chosen[i], 1, whole);
      std::memcpy(rest.data(), whole.data(), std::min(row_bytes, whole.size()));
    }
    rest = rest.subspan((end - i) * row_bytes);
    i = end;
  }
  return array;
}

}  // namespace

void Batch::feed(Function& function, const std::set<std::string>& others) const {
  for (const TensorInfo& input : function.inputs()) {
    const auto found = arrays.find(input.name);
    if (found != arrays.end()) {
      function.set_input(input.name, found->second);
    } else if (!others.contains(input.name)) {
      std::vector<std::string> names;
      for (const auto& [name, array] : arrays) names.push_back(name);
      throw Error(fmt::format("a batch has no '{}', only {}", input.name, quoted_list(names)));
    }
  }
}

struct SINTER_INTERNAL Batches::State {
  Columns columns;
  BatchOptions options;
  BatchPlan plan;
  std::optional<Prefetch<Batch>> batches;

  State(Columns given, BatchOptions how)
      : columns(std::move(given)),
        options(std::move(how)),
        plan(columns.empty() ? 0 : columns[0].second.size(), check_columns(columns, options), options) {
    seek({});
  }

  void seek(BatchPosition position) {
    batches.reset();
    batches.emplace(position.epoch * plan.per_epoch() + position.batch, options.threads, options.ahead,
                    [this](int64_t number) { return make(position_of(number)); });
  }

  BatchPosition position_of(int64_t number) const {
    return {number / plan.per_epoch(), number % plan.per_epoch()};
  }

  Batch make(BatchPosition position) const {
    const BatchPlan::Chosen chosen = plan.rows_of(position);
    Batch batch{{}, static_cast<int64_t>(chosen.rows.size()), position};
    for (const auto& [name, rows] : columns) {
      Shape shape = rows.shape();
      const bool is_cut = options.buckets &&
                          std::ranges::find(options.buckets->columns, name) != options.buckets->columns.end();
      if (is_cut) shape[0] = chosen.bucket_size;
      batch.arrays.emplace(name, gathered(rows, std::move(shape), chosen.rows, options.size));
    }
    if (options.dim) batch.dims[*options.dim] = options.size;
    if (options.buckets) batch.dims[options.buckets->dim] = chosen.bucket_size;
    if (!options.weight.empty()) {
      Array weight(f32, {options.size});
      std::fill_n(weight.data<float>(), batch.rows, 1.f);
      batch.arrays.emplace(options.weight, std::move(weight));
    }
    if (options.transform) {
      const runtime::RandomBits bits =
          runtime::random_bits({options.seed, static_cast<uint32_t>(position.epoch), kTransformKey},
                               static_cast<uint64_t>(position.batch));
      options.transform(batch, uint64_t{bits.first} << 32 | bits.second);
    }
    return batch;
  }
};

Batches::Batches(Columns columns, BatchOptions options)
    : state_(std::make_unique<State>(std::move(columns), std::move(options))) {}
Batches::Batches(Batches&&) noexcept = default;
Batches& Batches::operator=(Batches&&) noexcept = default;
Batches::~Batches() = default;

int64_t Batches::rows() const {
  return state_->columns[0].second.size();
}
int64_t Batches::per_epoch() const {
  return state_->plan.per_epoch();
}
Batch Batches::next() {
  return state_->batches->take();
}
BatchPosition Batches::position() const {
  return state_->position_of(state_->batches->next());
}

void Batches::seek(BatchPosition position) {
  if (position.epoch < 0 || position.batch < 0 || position.batch >= per_epoch()) {
    throw Error(fmt::format("Batches: there is no batch {} of epoch {}, of {} in each", position.batch,
                            position.epoch, per_epoch()));
  }
  state_->seek(position);
}

}  // namespace sinter
