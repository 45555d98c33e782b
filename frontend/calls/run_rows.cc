#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>
#include <cstring>

#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"
#include "frontend/calls/function.h"

// Function::run_rows.
namespace sinter {
namespace {

// A tensor of which some axis holds rows.
class RowBlocks {
 public:
  RowBlocks(const TensorInfo& info, size_t axis, int64_t rows) {
    for (size_t i = 0; i < axis; ++i) count_ *= static_cast<size_t>(info.shape[i]);
    bytes_of_all_ = count_ == 0 ? 0 : bytes_of(info) / count_;
    bytes_ = rows == 0 ? 0 : bytes_of_all_ / static_cast<size_t>(rows);
  }

  // Rows from `to_row` on of this one, at `to`, become `count` rows from `row` on of another one, at `from`.
  void copy(std::byte* to, int64_t to_row, const std::byte* from, const RowBlocks& other, int64_t row,
            int64_t count) const {
    const size_t bytes = static_cast<size_t>(count) * bytes_;
    if (bytes == 0) return;
    for (size_t i = 0; i < count_; ++i) {
      std::memcpy(to + i * bytes_of_all_ + static_cast<size_t>(to_row) * bytes_,
                  from + i * other.bytes_of_all_ + static_cast<size_t>(row) * bytes_, bytes);
    }
  }

 private:
  size_t count_ = 1;             // pieces that lie apart
  size_t bytes_of_all_, bytes_;  // of all rows of one piece, of one row
};

// One run_rows.
class RowCalls {
 public:
  RowCalls(Function& function, Function::State& state)
      : function_(function), state_(state), callee_(*state.callee), rows_(nullptr) {}

  Arrays run(const Arrays& inputs) {
    const std::vector<TensorInfo>& infos = callee_.code().inputs;
    check_names(callee_.name(), infos, inputs);
    if (fits_whole(inputs)) return whole(inputs);
    rows_ = &callee_.rows();
    if (rows_->count == 0) fail(inputs);
    const int64_t count = count_rows(inputs);
    check_outputs(count);
    Arrays outputs;
    for (size_t i = 0; i < rows_->outputs.size(); ++i) {
      const TensorInfo info = of_rows(i, count);
      outputs.emplace(info.name, translated([&] { return Array(tensor_for(info)); }));
    }
    for (size_t i = 0; i < infos.size(); ++i) {
      if (!rows_->inputs[i]) function_.set_input(infos[i].name, inputs.find(infos[i].name)->second);
    }
    for (int64_t begin = 0; begin < count; begin += rows_->count) {
      const int64_t taken = std::min(rows_->count, count - begin);
      put(inputs, begin, taken);
      function_.run();
      take(outputs, begin, taken, count);
    }
    return outputs;
  }

 private:
  bool fits_whole(const Arrays& inputs) const {
    return std::ranges::all_of(callee_.code().inputs, [&](const TensorInfo& info) {
      const Array& array = inputs.find(info.name)->second;
      return !array.defined() || array.shape() == info.shape;
    });
  }

  Arrays whole(const Arrays& inputs) {
    for (const auto& [name, array] : inputs) function_.set_input(name, array);
    function_.run();
    Arrays outputs;
    for (const TensorInfo& info : callee_.code().outputs)
      outputs.emplace(info.name, function_.output(info.name));
    return outputs;
  }

  // In the name of the first input that is of another shape.
  [[noreturn]] void fail(const Arrays& inputs) const {
    for (const TensorInfo& info : callee_.code().inputs) check_type_of(info, inputs.find(info.name)->second);
    throw Error(fmt::format("{}: has no batch to be cut: {}", callee_.name(), rows_->none));
  }
  void check_type_of(const TensorInfo& info, const Array& array) const {
    if (array.defined() && array.dtype() == info.dtype && array.shape() != info.shape) {
      throw Error(fmt::format("{}: input '{}' is {}, got {}, and there is no batch to be cut: {}",
                              callee_.name(), info.name, to_string(info.dtype, info.shape),
                              to_string(array.dtype(), array.shape()), rows_->none));
    }
    check_input(callee_.name(), info, array);
  }

  // All inputs have their type, and those with a batch as many rows as the first of them.
  int64_t count_rows(const Arrays& inputs) const {
    int64_t count = -1;
    for (size_t i = 0; i < rows_->inputs.size(); ++i) {
      TensorInfo info = callee_.code().inputs[i];
      const Array& array = inputs.find(info.name)->second;
      if (rows_->inputs[i]) {
        if (count < 0 && array.defined() && !array.shape().empty()) count = array.shape()[0];
        if (count >= 0) info.shape[0] = count;
      }
      check_input(callee_.name(), info, array);
    }
    return count;
  }

  void check_outputs(int64_t count) const {
    for (size_t i = 0; i < rows_->outputs.size(); ++i) {
      if (rows_->outputs[i].axis >= 0) continue;
      throw Error(fmt::format("{}: a batch of {} cannot be run as {}: output '{}' is not by rows: {}",
                              callee_.name(), count, rows_->count, callee_.code().outputs[i].name,
                              rows_->outputs[i].why_not));
    }
  }

  size_t axis_of(size_t output) const { return static_cast<size_t>(rows_->outputs[output].axis); }

  // The output of so many rows.
  TensorInfo of_rows(size_t output, int64_t count) const {
    TensorInfo info = callee_.code().outputs[output];
    int64_t& extent = info.shape[axis_of(output)];
    extent = extent / rows_->count * count;
    return info;
  }

  void put(const Arrays& inputs, int64_t begin, int64_t taken) {
    for (size_t i = 0; i < rows_->inputs.size(); ++i) {
      if (!rows_->inputs[i]) continue;
      const TensorInfo& info = callee_.code().inputs[i];
      const RowBlocks blocks(info, 0, rows_->count);
      const auto* from = static_cast<const std::byte*>(inputs.find(info.name)->second.host().raw());
      state_.unbind(i);
      std::byte* to = state_.own_input(i);
      blocks.copy(to, 0, from, blocks, begin, taken);
      for (int64_t row = taken; row < rows_->count; ++row)
        blocks.copy(to, row, from, blocks, begin + taken - 1, 1);
    }
  }

  void take(Arrays& outputs, int64_t begin, int64_t taken, int64_t count) {
    for (size_t i = 0; i < rows_->outputs.size(); ++i) {
      const TensorInfo whole = of_rows(i, count);
      const RowBlocks of_call(callee_.code().outputs[i], axis_of(i), rows_->count);
      const RowBlocks of_all(whole, axis_of(i), count);
      auto* to = const_cast<void*>(outputs.find(whole.name)->second.host().raw());
      of_all.copy(static_cast<std::byte*>(to), begin, state_.output(i).data(), of_call, 0, taken);
    }
  }

  Function& function_;
  Function::State& state_;
  const Callee& callee_;
  const backends::Rows* rows_;
};

}  // namespace

Arrays Function::run_rows(const Arrays& inputs) {
  state_->check_idle();
  return RowCalls(*this, *state_).run(inputs);
}

}  // namespace sinter
