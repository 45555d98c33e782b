#include "frontend/function.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <cstring>

#include "frontend/convert.h"
#include "frontend/translate.h"

namespace sinter {
namespace {

// The position of `name`, or as many as there are.
size_t position(const std::vector<TensorInfo>& infos, std::string_view name) {
  size_t i = 0;
  while (i < infos.size() && infos[i].name != name) ++i;
  return i;
}

std::vector<TensorInfo> to_infos(const std::vector<runtime::TensorSpec>& specs) {
  std::vector<TensorInfo> infos;
  for (const auto& spec : specs) infos.push_back({spec.name, to_public(spec.dtype), spec.shape, false});
  return infos;
}

std::vector<Array> arrays_for(const std::vector<TensorInfo>& infos) {
  std::vector<Array> arrays;
  for (const TensorInfo& info : infos) arrays.emplace_back(info.dtype, info.shape);
  return arrays;
}

}  // namespace

Function::State::State(ProgramState& of, ProgramState::Variant& called)
    : program(&of),
      variant(&called),
      context(translated([&] { return called.executable->make_context(); })),
      inputs(to_infos(called.executable->inputs())),
      outputs(to_infos(called.executable->outputs())),
      input_arrays(arrays_for(inputs)),
      output_arrays(arrays_for(outputs)) {
  for (Array& array : input_arrays) input_pointers.push_back(array.host()->raw());
  for (Array& array : output_arrays) output_pointers.push_back(array.host()->raw());
}

void Function::State::run() {
  const runtime::Call call{input_pointers, output_pointers, program->options.seed, program->step,
                           program->profile.get()};
  translated([&] { variant->executable->run(*context, *program->store, call); });
  if (variant->writes_state) ++program->step;
}

void Function::State::unknown(std::string_view kind, std::string_view name,
                              const std::vector<TensorInfo>& infos) const {
  std::vector<std::string> names;
  for (const TensorInfo& info : infos) names.push_back(info.name);
  throw Error(fmt::format("{}: no {} is called '{}'; {}s are {}", variant->name, kind, name, kind,
                          quoted_list(names)));
}

void Function::State::set_input(std::string_view name, const Array& value) {
  const size_t i = position(inputs, name);
  if (i == inputs.size()) unknown("input", name, inputs);
  const TensorInfo& info = inputs[i];
  if (!value.defined()) throw Error(fmt::format("{}: input '{}' is undefined", variant->name, name));
  if (value.dtype() != info.dtype || value.shape() != info.shape) {
    throw Error(fmt::format("{}: input '{}' is {}, got {}", variant->name, name,
                            to_string(info.dtype, info.shape), to_string(value.dtype(), value.shape())));
  }
  std::memcpy(input_arrays[i].host()->raw(), value.host()->raw(), value.host()->bytes());
}

Function::Function(std::unique_ptr<State> state) : state_(std::move(state)) {}
Function::Function(Function&&) noexcept = default;
Function& Function::operator=(Function&&) noexcept = default;
Function::~Function() = default;

const std::vector<TensorInfo>& Function::inputs() const {
  return state_->inputs;
}
const std::vector<TensorInfo>& Function::outputs() const {
  return state_->outputs;
}
void Function::set_input(std::string_view name, const Array& value) {
  state_->set_input(name, value);
}
void Function::run() {
  state_->run();
}

Array& Function::input_array(std::string_view name, DType type) {
  const size_t i = position(state_->inputs, name);
  if (i == state_->inputs.size()) state_->unknown("input", name, state_->inputs);
  const TensorInfo& info = state_->inputs[i];
  if (info.dtype != type) {
    throw Error(fmt::format("{}: input '{}' is {}, asked for as {}", state_->variant->name, name,
                            to_string(info.dtype, info.shape), sinter::name(type)));
  }
  return state_->input_arrays[i];
}

const Array& Function::output_array(std::string_view name, DType type) const {
  const size_t i = position(state_->outputs, name);
  if (i == state_->outputs.size()) state_->unknown("output", name, state_->outputs);
  const TensorInfo& info = state_->outputs[i];
  if (info.dtype != type) {
    throw Error(fmt::format("{}: output '{}' is {}, asked for as {}", state_->variant->name, name,
                            to_string(info.dtype, info.shape), sinter::name(type)));
  }
  return state_->output_arrays[i];
}

Array Function::output(std::string_view name) const {
  const size_t i = position(state_->outputs, name);
  if (i == state_->outputs.size()) state_->unknown("output", name, state_->outputs);
  return state_->output_arrays[i].clone();
}

}  // namespace sinter
