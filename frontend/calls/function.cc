#include "frontend/calls/function.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <cstring>

#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"

namespace sinter {

Function::State::State(std::shared_ptr<const Callee> of, std::unique_ptr<runtime::StateStore> joined)
    : callee(std::move(of)),
      code(&callee->code()),
      inputs(code->inputs.size()),
      joined_(std::move(joined)),
      input_pointers_(inputs.size(), nullptr),
      bound_(inputs.size(), nullptr),
      output_pointers_(code->outputs.size(), nullptr) {
  outputs = std::make_shared<Outputs>(
      Outputs{callee, translated([&] { return code->executable->make_context(); }), {}});
  if (outputs->context->has_memory()) return;
  for (size_t i = 0; i < code->outputs.size(); ++i) {
    outputs->own.push_back(translated([&] { return tensor_for(code->outputs[i]); }));
    output_pointers_[i] = outputs->own.back().raw();
  }
}

Function::State::~State() {
  if (!is_started_) return;
  try {
    wait();
  } catch (const std::exception&) {
    // Nobody is left to hear of it.
  }
}

void Function::State::check_idle() const {
  if (is_started_) {
    throw Error(fmt::format("{}: the call was started; wait() for it first", callee->name()));
  }
}

std::byte* Function::State::own_input(size_t i) {
  return translated([&] {
    runtime::Context& context = *outputs->context;
    if (context.has_memory()) return static_cast<std::byte*>(context.input(i));
    In& in = inputs[i];
    if (!in.own.defined()) in.own = tensor_for(code->inputs[i]);
    return static_cast<std::byte*>(in.own.raw());
  });
}

void Function::State::unbind(size_t i) {
  inputs[i].array = Array();
  inputs[i].other = nullptr;
  inputs[i].held = nullptr;
}

std::span<std::byte> Function::State::output(size_t i) {
  const size_t bytes = bytes_of(code->outputs[i]);
  if (!outputs->own.empty()) return {static_cast<std::byte*>(outputs->own[i].raw()), bytes};
  const void* memory = translated([&] { return outputs->context->output(i); });
  return {static_cast<std::byte*>(const_cast<void*>(memory)), bytes};
}

// Own memory is made for inputs that were given none.
void Function::State::find_inputs() {
  for (size_t i = 0; i < inputs.size(); ++i) {
    In& in = inputs[i];
    if (in.other != nullptr) in.held = in.other->context->output_buffer(in.output);
    if (in.array.defined()) in.held = in.array.device();
    bound_[i] = in.held.get();
    input_pointers_[i] = in.held != nullptr    ? nullptr
                         : in.other != nullptr ? in.other->own[in.output].raw()
                         : in.array.defined()  ? in.array.host().raw()
                                               : own_input(i);
  }
}

void Function::State::start() {
  check_idle();
  find_inputs();
  failure_ = nullptr;
  started_.reset();
  try {
    started_ =
        callee->start(*outputs->context,
                      {.inputs = input_pointers_, .outputs = output_pointers_, .step = call, .bound = bound_},
                      joined_.get());
  } catch (...) {
    failure_ = std::current_exception();
  }
  is_started_ = true;
}

void Function::State::wait() {
  if (!is_started_) throw Error(fmt::format("{}: wait() for a call that was not started", callee->name()));
  is_started_ = false;
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
  callee->wait(*outputs->context, *started_, joined_.get());
  ++call;
}

Function::Function(std::unique_ptr<State> state) : state_(std::move(state)) {}
Function::Function(Function&&) noexcept = default;
Function& Function::operator=(Function&&) noexcept = default;
Function::~Function() = default;

const std::vector<TensorInfo>& Function::inputs() const {
  return state_->code->inputs;
}
const std::vector<TensorInfo>& Function::outputs() const {
  return state_->code->outputs;
}
void Function::start() {
  state_->start();
}
void Function::wait() {
  state_->wait();
}

void Function::set_call(uint32_t call) {
  if (state_->callee->writes_state()) {
    throw Error(
        fmt::format("{}: set_call is for functions that write no state; what this one draws follows the "
                    "program's step",
                    state_->callee->name()));
  }
  state_->check_idle();
  state_->call = call;
}

void Function::set_input(std::string_view name, const Array& value) {
  const size_t i = state_->callee->input_index(name);
  check_input(state_->callee->name(), inputs()[i], value);
  if (is_on(state_->callee->device(), value)) return bind(name, value);
  state_->check_idle();
  const runtime::HostTensor& host = value.host();
  if (host.bytes() > 0) std::memcpy(state_->own_input(i), host.raw(), host.bytes());
  state_->unbind(i);
}

void Function::bind(std::string_view name, const Array& value) {
  const size_t i = state_->callee->input_index(name);
  check_input(state_->callee->name(), inputs()[i], value);
  state_->check_idle();
  Array here = bring_to(state_->callee->device(), value);
  state_->unbind(i);
  state_->inputs[i].array = std::move(here);
}

void Function::bind(std::string_view name, const Function& other, std::string_view output) {
  State& from = *other.state_;
  const size_t i = state_->callee->input_index(name);
  const size_t o = from.callee->output_index(output);
  const TensorInfo &in = inputs()[i], &out = other.outputs()[o];
  const std::string what = fmt::format("{}: input '{}'", state_->callee->name(), name);
  const std::string source = fmt::format("output '{}' of {}", output, from.callee->name());
  if (in.dtype != out.dtype || in.shape != out.shape) {
    throw Error(fmt::format("{} is {}, {} is {}", what, to_string(in.dtype, in.shape), source,
                            to_string(out.dtype, out.shape)));
  }
  if (&other == this) throw Error(fmt::format("{} cannot be an output of the same call", what));
  const auto buffer = translated([&] { return from.outputs->context->output_buffer(o); });
  const bool is_here =
      buffer != nullptr ? state_->callee->device().reaches(*buffer) : !state_->outputs->context->has_memory();
  if (!is_here) {
    throw Error(
        fmt::format("{} is on another device than {}: give it to set_input, which copies it", what, source));
  }
  state_->check_idle();
  state_->unbind(i);
  state_->inputs[i].other = from.outputs;
  state_->inputs[i].output = o;
}

std::span<std::byte> Function::input_bytes(std::string_view name, DType type) {
  const size_t i = state_->callee->input_index(name);
  check_type(state_->callee->name(), "input", inputs()[i], type);
  state_->check_idle();
  state_->unbind(i);
  return {state_->own_input(i), bytes_of(inputs()[i])};
}

std::span<std::byte> Function::output_bytes(std::string_view name, DType type) const {
  const size_t i = state_->callee->output_index(name);
  check_type(state_->callee->name(), "output", outputs()[i], type);
  state_->check_idle();
  return state_->output(i);
}

const std::byte* Function::only_element(std::string_view name, DType type) const {
  const TensorInfo& info = outputs()[state_->callee->output_index(name)];
  const std::span<std::byte> bytes = output_bytes(name, type);
  if (const int64_t size = runtime::element_count(info.shape); size != 1) {
    throw Error(fmt::format("{} holds {} values, not 1", to_string(info.dtype, info.shape), size));
  }
  return bytes.data();
}

Array Function::output(std::string_view name) const {
  const size_t i = state_->callee->output_index(name);
  state_->check_idle();
  if (state_->outputs->own.empty()) return output_of(*state_->outputs->context, outputs()[i], i);
  return Array(translated([&] { return state_->outputs->own[i].clone(); }));
}

}  // namespace sinter
