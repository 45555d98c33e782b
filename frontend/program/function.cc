#include "frontend/program/function.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <cstring>

#include "frontend/base/convert.h"
#include "frontend/base/translate.h"

namespace sinter {
namespace {

std::vector<Array> arrays_for(const std::vector<TensorInfo>& infos) {
  std::vector<Array> arrays;
  for (const TensorInfo& info : infos) arrays.emplace_back(info.dtype, info.shape);
  return arrays;
}

void check_type(const Variant& variant, std::string_view kind, const TensorInfo& info, DType type) {
  if (info.dtype == type) return;
  throw Error(fmt::format("{}: {} '{}' is {}, asked for as {}", variant.name(), kind, info.name,
                          to_string(info.dtype, info.shape), name(type)));
}

}  // namespace

Function::State::State(std::shared_ptr<ProgramState> of, Variant& called)
    : program(std::move(of)),
      variant(&called),
      code(&program->code_of(called)),
      context(translated([&] { return code->executable->make_context(); })),
      input_arrays(arrays_for(code->inputs)),
      output_arrays(arrays_for(code->outputs)) {
  for (Array& array : input_arrays) input_pointers.push_back(array.host()->raw());
  for (Array& array : output_arrays) output_pointers.push_back(array.host()->raw());
}

void Function::State::run() {
  program->run(*variant, *code, *context,
               {.inputs = input_pointers, .outputs = output_pointers, .step = call});
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
void Function::run() {
  state_->run();
}

void Function::set_call(uint32_t call) {
  if (state_->variant->writes_state()) {
    throw Error(
        fmt::format("{}: set_call is for functions that write no state; what this one draws follows the "
                    "program's step",
                    state_->variant->name()));
  }
  state_->call = call;
}

void Function::set_input(std::string_view name, const Array& value) {
  const size_t i = state_->variant->input_index(*state_->code, name);
  state_->variant->check_input(inputs()[i], value);
  std::memcpy(state_->input_arrays[i].host()->raw(), value.host()->raw(), value.host()->bytes());
}

Array& Function::input_array(std::string_view name, DType type) {
  const size_t i = state_->variant->input_index(*state_->code, name);
  check_type(*state_->variant, "input", inputs()[i], type);
  return state_->input_arrays[i];
}

const Array& Function::output_array(std::string_view name, DType type) const {
  const size_t i = state_->variant->output_index(*state_->code, name);
  check_type(*state_->variant, "output", outputs()[i], type);
  return state_->output_arrays[i];
}

Array Function::output(std::string_view name) const {
  return state_->output_arrays[state_->variant->output_index(*state_->code, name)].clone();
}

}  // namespace sinter
