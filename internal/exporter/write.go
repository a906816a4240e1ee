// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"bufio"
	"math"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// textEscapes are how a label's value and a help text are written in the text format; OpenMetrics has the same.
var (
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// textFamily writes a family sample by sample, so that nothing is held of it. A gauge looks the same in both text formats.
func textFamily(out *bufio.Writer, f *family, seen *look) error {
	head := "# HELP " + f.name + " " + helpEscapes.Replace(f.help) + "\n# TYPE " + f.name + " gauge\n"
	if _, err := out.WriteString(head); err != nil {
		return err
	}
	line := make([]byte, 0, 512)
	var failed error
	f.each(seen, func(value float64, labels ...string) {
		if failed != nil {
			return
		}
		line = append(line[:0], f.name...)
		for i, label := range labels {
			line = append(line, "{,"[min(i, 1)])
			line = append(line, f.labels[i]...)
			line = append(line, '=', '"')
			if strings.ContainsAny(label, "\\\"\n") {
				label = valueEscapes.Replace(label)
			}
			line = append(line, label...)
			line = append(line, '"')
		}
		if len(labels) > 0 {
			line = append(line, '}')
		}
		line = append(appendNumber(append(line, ' '), value), '\n')
		_, failed = out.Write(line)
	})
	return failed
}

// appendNumber writes a number as the text format has it.
func appendNumber(line []byte, value float64) []byte {
	if value == math.Trunc(value) && math.Abs(value) < 1e15 {
		return strconv.AppendInt(line, int64(value), 10)
	}
	return strconv.AppendFloat(line, value, 'g', -1, 64)
}

// protoFamily makes a whole family for the binary format, which tells a family's size before it.
func protoFamily(f *family, seen *look) *dto.MetricFamily {
	made := &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: dto.MetricType_GAUGE.Enum()}
	f.each(seen, func(value float64, labels ...string) {
		metric := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
		for i, label := range labels {
			metric.Label = append(metric.Label, &dto.LabelPair{Name: &f.labels[i], Value: &label})
		}
		made.Metric = append(made.Metric, metric)
	})
	return made
}
