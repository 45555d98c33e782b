#include "frontend/calls/callee.h"

#include <cstring>

#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"
#include "frontend/calls/marks.h"

namespace sinter {

bool is_on(const runtime::DeviceMemory& device, const Array& array) {
  return array.on_device() && device.reaches(*array.device());
}

Array bring_to(const runtime::DeviceMemory& device, const Array& array) {
  if (is_on(device, array)) return array;
  const runtime::HostTensor& host = array.host();
  const auto buffer = translated([&] { return device.upload(host); });
  if (buffer != nullptr) return Array(buffer);
  return array.on_device() ? Array(host) : array;
}

size_t Callee::input_index(std::string_view name) const {
  return index_of(*name_, "input", code_->inputs, name);
}

size_t Callee::output_index(std::string_view name) const {
  return index_of(*name_, "output", code_->outputs, name);
}

template <typename Execute>
uint32_t Callee::calling(runtime::Context& context, runtime::Call call, Execute execute) const {
  check();
  call.seed = state_->seed();
  if (identity() != 0) call.data_mark = data_mark(context, call, code_->inputs);
  if (writes_state_) {
    state_->writing([&](runtime::StateStore&, std::atomic<uint32_t>& step) {
      call.step = step;
      call.has_state_alone = true;
      call.program_mark = program_mark(identity(), step, state_->seed());
      execute(call);
      ++step;
    });
  } else {
    state_->reading([&](const runtime::StateStore&, uint32_t) { execute(call); });
  }
  return call.step;
}

void Callee::run(runtime::Context& context, const runtime::Call& call) const {
  calling(context, call, [&](runtime::Call& now) { run_now(context, now, state_->store()); });
}

void Callee::run_now(runtime::Context& context, const runtime::Call& call, runtime::StateStore& store) const {
  const runtime::Executable& executable = *code_->executable;
  try {
    if (!state_->run_profiled(executable, context, call, store)) executable.run(context, store, call);
  } catch (const NotFinite& fault) {
    if (!checks_numerics()) throw;
    const std::vector<runtime::HostTensor> inputs = inputs_of(context, call);
    throw RuntimeError(why_not_finite({inputs, store, call.seed, call.step}, fault.what()));
  }
}

std::vector<runtime::HostTensor> Callee::inputs_of(runtime::Context& context,
                                                   const runtime::Call& call) const {
  std::vector<runtime::HostTensor> inputs;
  for (size_t i = 0; i < code_->inputs.size(); ++i) {
    if (!call.bound.empty() && call.bound[i] != nullptr) {
      inputs.push_back(call.bound[i]->fetch());
      continue;
    }
    runtime::HostTensor& input = inputs.emplace_back(tensor_for(code_->inputs[i]));
    const void* from = call.inputs[i] != nullptr ? call.inputs[i] : context.input(i);
    if (input.bytes() > 0) std::memcpy(input.raw(), from, input.bytes());
  }
  return inputs;
}

Started Callee::start(runtime::Context& context, const runtime::Call& call,
                      runtime::StateStore* joined) const {
  runtime::StateStore& store = joined == nullptr ? state_->store() : *joined;
  Started started;
  started.step = calling(context, call, [&](runtime::Call& now) {
    if (checks_numerics()) {
      run_now(context, now, store);
      started.has_ended = true;
      return;
    }
    started.has_ended = state_->run_profiled(*code_->executable, context, now, store);
    if (!started.has_ended) code_->executable->start(context, store, now);
  });
  return started;
}

void Callee::wait(runtime::Context& context, const Started& started, runtime::StateStore* joined) const {
  const runtime::Executable& executable = *code_->executable;
  if (started.has_ended || translated([&] { return executable.wait(context); })) return;
  runtime::StateStore& store = joined == nullptr ? state_->store() : *joined;
  if (!writes_state_) {
    return state_->reading(
        [&](const runtime::StateStore&, uint32_t) { executable.throw_fault(context, store); });
  }
  state_->writing([&](runtime::StateStore&, std::atomic<uint32_t>& step) {
    if (step == started.step + 1) step = started.step;
    executable.throw_fault(context, store);
  });
}

Arrays Callee::call(const Arrays& inputs) const {
  std::vector<const void*> input_pointers(code_->inputs.size(), nullptr);
  std::vector<const runtime::DeviceBuffer*> bound(code_->inputs.size(), nullptr);
  for (const auto& [input, value] : inputs) {
    const size_t i = input_index(input);
    check_input(*name_, code_->inputs[i], value);
    if (is_on(*device_, value)) {
      bound[i] = value.device().get();
    } else {
      input_pointers[i] = value.host().raw();
    }
  }
  const auto lease = translated([&] { return code_->contexts.take(); });
  runtime::Context& context = *lease;
  std::vector<runtime::HostTensor> own;
  std::vector<void*> output_pointers(code_->outputs.size(), nullptr);
  if (!context.has_memory()) {
    for (size_t i = 0; i < code_->outputs.size(); ++i) {
      own.push_back(translated([&] { return tensor_for(code_->outputs[i]); }));
      output_pointers[i] = own.back().raw();
    }
  }
  runtime::Call call{.inputs = input_pointers, .outputs = output_pointers, .bound = bound};
  if (!writes_state_) call.step = state_->next_call();
  run(context, call);
  Arrays outputs;
  for (size_t i = 0; i < code_->outputs.size(); ++i) {
    outputs.emplace(code_->outputs[i].name,
                    own.empty() ? output_of(context, code_->outputs[i], i) : Array(std::move(own[i])));
  }
  return outputs;
}

}  // namespace sinter
