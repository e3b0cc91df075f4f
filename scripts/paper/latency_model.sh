#!/bin/bash
# HSCoNAS's latency model on this CPU, on an edge kit that ONNX Runtime runs, and on a GPU:
#   scripts/paper/latency_model.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Prints errors and Kendall's tau on networks that the model was not fitted on, for the sum of the
# blocks, the sum plus B, and the fitted model. The kit needs Python (PYTHON, default python3) with
# onnxruntime and numpy, or node and HSCONAS_ORT_NODE, a folder whose node_modules hold
# onnxruntime-node; without both it is left out. A GPU is measured with --gpu. key=value changes the
# config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Latency model" "$@"
search_settings

# Times the models of the kit; the result is results.csv in its folder.
time_kit() { # KIT
  local rounds=15 sample=2
  ! $quick || { rounds=3 sample=0.5; }
  if "$python" -c 'import numpy, onnxruntime' 2> /dev/null; then
    "$python" "$1/run.py" --threads 1 --rounds "$rounds" --sample-ms "$sample" >&2
  else
    node "$here/tests/scripts/time_kit.mjs" "$1" "$rounds" "$sample" >&2
  fi
}

# The table of the kit's times, as `profile` answers for a device of this machine. Timing is not
# continued but begun again if it was stopped.
kit_table() { # [setting ...]
  local kit=$runs/kit
  if [ ! -e "$kit/results.csv" ]; then
    rm -rf "$kit"
    "$hsconas" -q profile "$@" --export-kit "$kit" >&2
    time_kit "$kit"
  fi
  program latency import "$kit/results.csv"
}

python=${PYTHON:-python3}
kit_space=()
! $quick || kit_space=('space.widths=[0.3,1.0]')
devices=(cpu)
device_table cpu > /dev/null
if "$python" -c 'import numpy, onnxruntime' 2> /dev/null ||
    { [ -n "${HSCONAS_ORT_NODE-}" ] && command -v node > /dev/null; }; then
  step kit profile kit_table "${settings[@]}" ${kit_space[@]+"${kit_space[@]}"}
  devices+=(kit)
else
  left_out "an edge kit, because there is neither $python with onnxruntime and numpy nor HSCONAS_ORT_NODE"
fi
if $gpu; then
  device_table cuda > /dev/null
  devices+=(cuda)
else
  left_out "a GPU, which needs --gpu and a machine that has one"
fi

title_of() {
  case $1 in cpu) echo "this CPU" ;; kit) echo "edge kit, ONNX Runtime" ;; cuda) echo "this GPU" ;; esac
}

says "HSCoNAS (abstract): a lookup table approximates the latency; on three devices it correlates \
strongly with measurements at a low RMSE. Its figures are not in the sources at hand."
says "Computed from whole networks that others have measured (HELP, NAS-Bench-201): a fitted sum per \
layer and operator has an RMSE of 0.45 to 2 % and a Kendall of .80 to .97 on GPUs in FBNet's space, \
and an RMSE of 1 to 6 % on server CPUs."
{
  echo 'device,model,networks,RMSE (ms),RMSE (%),mean error (%),Kendall,ceiling of Kendall'
  for device in "${devices[@]}"; do
    jq -r --arg device "$(title_of "$device")" '.held_out | to_entries[0].value as $kind
      | {sum: "sum of blocks", constant: "sum + B", fitted: "fitted"} | to_entries[]
      | $kind[.key] as $a
      | [$device, .value, $a.n, $a.rmse_ms, $a.rmse_percent, $a.mean_error_percent, $a.kendall,
         $kind.kendall_ceiling // ""] | @csv' "$(answer "$device" profile)"
  done
} | summary 2 '%d %.4f %.2f %+.2f %.3f %.3f' |
  table latency_model "Errors on random networks that the model was not fitted on"
{
  echo 'device,B (ms),form of the fitted model,median 90 % interval of a block (± %),disturbed'
  for device in "${devices[@]}"; do
    jq -r --arg device "$(title_of "$device")" '[$device, (.bias_ms * 1e4 | round / 1e4), .form,
      (if .median_half_width_percent > 0 then .median_half_width_percent * 100 | round / 100 else "" end), (if .disturbed then "yes" else "no" end)]
      | @csv' "$(answer "$device" profile)"
  done
} | table corrections "Corrections of the sum. Disturbed: other processes kept the machine busy"
for device in "${devices[@]}"; do
  file=$out/runs/latency/$device/latency.json
  [ "$device" != kit ] || file=$runs/kit/latency.json
  jq -r '"series,x,y", (.test[] | ["sum of blocks", .measured_ms, .sum_ms], ["fitted", .measured_ms,
    .predicted_ms] | @csv)' "$file" |
    plot "scatter_$device" identity "Predicted against measured: $(title_of "$device")" \
      "measured (ms per batch)" "predicted (ms per batch)"
done
finish
