// SPDX-License-Identifier: Apache-2.0

package api

import "github.com/pulp/pulp-manager/internal/fleet"

// Page is one page of a list.
type Page[T any] struct {
	Items    []T `json:"items" doc:"The rows of this page." nullable:"false"`
	Total    int `json:"total" doc:"Rows in all pages that match the filters." example:"1"`
	Page     int `json:"page" doc:"Number of this page, from 1." example:"1"`
	PageSize int `json:"page_size" doc:"Rows a page at most." example:"50"`
}

// pageOf shows a page of the store.
func pageOf[F, T any](q fleet.Query, from fleet.Page[F], show func(F) (T, error)) (Page[T], error) {
	page := Page[T]{Items: make([]T, 0, len(from.Items)), Total: from.Total, Page: q.Page, PageSize: q.Size}
	for _, item := range from.Items {
		shown, err := show(item)
		if err != nil {
			return Page[T]{}, err
		}
		page.Items = append(page.Items, shown)
	}
	return page, nil
}

// examplePage is a page of one row, for the document.
func examplePage[T any](item T) Page[T] {
	return Page[T]{Items: []T{item}, Total: 1, Page: 1, PageSize: 50}
}
